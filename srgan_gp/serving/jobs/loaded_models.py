"""Models in memory of a server: loaded by name, a few at a time."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypedDict, TypeVar, cast

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.inference.devices import choose_threads, parse_device
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.models.cards import FACES, ModelCard
from srgan_gp.models.catalog import list_models, model_names
from srgan_gp.serving.jobs.job_cancellation import Stopper

_MOST_LOADED = 4  # of up to 1 GB each while they run; what four models side by side need

_SECONDS_BETWEEN_CHECKS = 0.1

Model = TypeVar("Model", Upscaler, FaceGenerator)


class _Where(TypedDict):
    device: str
    threads: int | None


class LoadedModels:
    """Loads what is asked for and keeps what was used last.

    Args:
        device: as for `Upscaler.load`.
        threads: as for `Upscaler.load`.
    """

    def __init__(self, device: str, threads: int | None) -> None:
        self._where: _Where = {"device": device, "threads": threads}
        self._at_work = threading.Lock()
        self._loaded: OrderedDict[object, Upscaler | FaceGenerator] = OrderedDict()

    def prove(self, name: str) -> None:
        """Find out before the first request whether all that name no model can be served.

        A GPU that was asked for is proved by loading the model on it, where it stays; `auto` and
        the CPU cannot fail so, and load with the first request.

        Args:
            name: of the model for such requests.

        Raises:
            ModelRefusedError: there is no such model, or it enlarges nothing.
            UsageError: there is no such device, or there are far too many threads.
            DeviceError: the GPU asked for cannot be used.
        """
        _check_enlarges(name)
        choose_threads(self._where["threads"])
        if parse_device(self._where["device"]).kind == "cuda":
            with self.upscaler(name, None, Stopper()):
                pass

    @contextmanager
    def upscaler(self, name: str, fidelity: float | None, stopper: Stopper) -> Generator[Upscaler]:
        """Wait for the device, and have an upscaler alone while the block lasts.

        Args:
            name: of a model that `list_models` knows; never a path.
            fidelity: as for `Upscaler.load`.
            stopper: of the job, which may be ended while it waits.

        Raises:
            UsageError: there is no such model; or as for `Upscaler.load`.
            Cancelled: the job was cancelled.
            SrganGpError: as for `Upscaler.load`.
        """
        check_known(name)
        with self._turn(stopper):
            yield self._kept(
                (name, fidelity),
                Upscaler,
                lambda: Upscaler.load(name, fidelity=fidelity, **self._where),
            )

    @contextmanager
    def faces(self, name: str, stopper: Stopper) -> Generator[FaceGenerator]:
        """Wait for the device, and have a generator of faces alone while the block lasts.

        Args:
            name: as for `upscaler`.
            stopper: as for `upscaler`.

        Raises:
            SrganGpError: as for `upscaler`.
        """
        check_known(name)
        with self._turn(stopper):
            yield self._kept(name, FaceGenerator, lambda: FaceGenerator.load(name, **self._where))

    @contextmanager
    def _turn(self, stopper: Stopper) -> Generator[None]:
        while not self._at_work.acquire(timeout=_SECONDS_BETWEEN_CHECKS):
            stopper.check()
        try:
            yield
        finally:
            self._at_work.release()

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
    """Refuse whatever is no name of a model: a client may not have a file of the server loaded.

    Raises:
        UsageError: no model is called so.
    """
    names = model_names()
    if name not in names:
        raise UsageError(f"There is no model {name!r}; choose one of {', '.join(names)}.")


def _check_enlarges(name: str) -> None:
    tasks = {card.name: card.task for card in _cards()}
    known = ", ".join(card.name for card in cards_for("super-resolution")) or "none is installed"
    if name not in tasks:
        raise ModelRefusedError(f"There is no model {name!r}; known: {known}.")
    if tasks[name] != "super-resolution":
        raise ModelRefusedError(
            f"The model {name} is for {tasks[name]} and enlarges nothing; pass --model with one "
            f"of {known}."
        )


def cards_for(task: str) -> list[ModelCard]:
    """List the cards of the models for a task, one of `cards.TASKS`."""
    return [card for card in _cards() if card.task == task]


def _cards() -> list[ModelCard]:
    # What is wrong with the others is said to whoever starts the server, not to visitors.
    return list_models(on_refused=lambda _: None)


def default_face_model(asked: str | None) -> str:
    """Take the model asked for, or the first that draws faces.

    Raises:
        UsageError: none is installed.
    """
    if asked is not None:
        return asked
    names = [card.name for card in cards_for(FACES)]
    if not names:
        raise UsageError("No model that draws faces is installed.")
    return names[0]
