"""The loaded models of a server: by name alone, few at a time, one at work at a time."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar, cast

from srgan_gp.cards import FACES, ModelCard
from srgan_gp.catalog import list_models
from srgan_gp.errors import UsageError
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.inference.upscaler import Upscaler

_MOST_LOADED = 4  # of up to 1 GB each while they run; what four models side by side need

Model = TypeVar("Model", Upscaler, FaceGenerator)


class Models:
    """Loads what is asked for and keeps what was used last.

    Args:
        device: as for `Upscaler.load`.
        threads: as for `Upscaler.load`.
    """

    def __init__(self, device: str, threads: int | None) -> None:
        self._device, self._threads = device, threads
        self._turn = threading.Lock()
        self._loaded: OrderedDict[object, Upscaler | FaceGenerator] = OrderedDict()

    @contextmanager
    def upscaler(self, name: str, fidelity: float | None = None) -> Generator[Upscaler]:
        """Wait for the device, and have an upscaler alone while the block lasts.

        Args:
            name: of a model that `list_models` knows; never a path.
            fidelity: as for `Upscaler.load`.

        Raises:
            UsageError: there is no such model; or as for `Upscaler.load`.
            SrganGpError: as for `Upscaler.load`.
        """
        check_known(name)
        where = {"device": self._device, "threads": self._threads}
        with self._turn:
            yield self._kept(
                (name, fidelity),
                Upscaler,
                lambda: Upscaler.load(name, fidelity=fidelity, **where),
            )

    @contextmanager
    def faces(self, name: str) -> Generator[FaceGenerator]:
        """Wait for the device, and have a generator of faces alone while the block lasts.

        Args:
            name: as for `upscaler`.

        Raises:
            SrganGpError: as for `upscaler`.
        """
        check_known(name)
        where = {"device": self._device, "threads": self._threads}
        with self._turn:
            yield self._kept(name, FaceGenerator, lambda: FaceGenerator.load(name, **where))

    def _kept(self, key: object, kind: type[Model], load: Callable[[], Model]) -> Model:
        key = (kind, key)
        if key in self._loaded:
            self._loaded.move_to_end(key)
            return cast(Model, self._loaded[key])
        while len(self._loaded) >= _MOST_LOADED:
            self._loaded.popitem(last=False)
        model = load()
        self._loaded[key] = model
        return model


def check_known(name: str) -> None:
    """Refuse whatever is no name of a model: a stranger may not have a file of the server loaded.

    Raises:
        UsageError: no model is called so.
    """
    names = [card.name for card in list_models()]
    if name not in names:
        raise UsageError(f"There is no model {name!r}; choose one of {', '.join(names)}.")


def cards_for(task: str) -> list[ModelCard]:
    """List the cards of the models for a task, one of `cards.TASKS`."""
    return [card for card in list_models() if card.task == task]


def default_face_model(asked: str | None) -> str:
    """Take the model asked for, or the first that draws faces.

    Raises:
        UsageError: none is installed.
    """
    names = [card.name for card in cards_for(FACES)]
    if asked is None and not names:
        raise UsageError("No model that draws faces is installed.")
    return asked or names[0]
