"""Models in memory: loaded by name, cached, and used by one job at a time."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from typing import TypedDict, TypeVar, cast

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.inference.devices import GPU_KINDS, choose_threads, parse_device
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.models.cards import FACES, UPSCALING, ModelCard
from srgan_gp.models.catalog import list_models, model_names
from srgan_gp.serving.jobs.job_cancellation import Cancellation

_MAX_LOADED = 4  # models, of up to 1 GB each; the model comparison of the page uses four
_SECONDS_BETWEEN_CHECKS = 0.1

Model = TypeVar("Model", Upscaler, FaceGenerator)


class _DeviceOptions(TypedDict):
    device: str
    threads: int | None


class LoadedModels:
    """Cache of loaded models; the least recently used one is dropped.

    Args:
        device: as for `Upscaler.load`.
        threads: as for `Upscaler.load`.
        offered: names of the imported models that clients may use.
    """

    def __init__(self, device: str, threads: int | None, offered: Collection[str] = ()) -> None:
        self._offered = offered
        self._options: _DeviceOptions = {"device": device, "threads": threads}
        self._device_lock = threading.Lock()
        self._loaded: OrderedDict[object, Upscaler | FaceGenerator] = OrderedDict()

    def check_default(self, name: str) -> None:
        """Check that the default model can be used, before the first request.

        For `cuda` the model is loaded on the GPU and stays cached. With `auto` and `cpu` it is
        loaded by the first request.

        Args:
            name: name of the default model.

        Raises:
            ModelRefusedError: the model is unknown or is not an upscaler.
            UsageError: the device is unknown, or there are too many threads.
            DeviceError: the requested GPU cannot be used.
        """
        for offered in (name, *self._offered):
            _check_is_upscaler(offered)
        choose_threads(self._options["threads"])
        if parse_device(self._options["device"]).kind in GPU_KINDS:
            nobody_cancels = Cancellation()
            with self.upscaler(name, None, nobody_cancels):
                pass

    @contextmanager
    def upscaler(
        self,
        name: str,
        fidelity: float | None,
        cancellation: Cancellation,
        precision: str = "auto",
        faces: float | None = None,
    ) -> Generator[Upscaler]:
        """Wait for the device, and use an upscaler exclusively during the block.

        Args:
            name: name of a model listed by `list_models`; never a path.
            fidelity: as for `Upscaler.load`.
            cancellation: cancellation of the job, which may be cancelled while it waits.
            precision: as for `Upscaler.load`.
            faces: as for `Upscaler.load`.

        Raises:
            UsageError: the model is unknown; or as for `Upscaler.load`.
            Cancelled: the job was cancelled.
            SrganGpError: as for `Upscaler.load`.
        """
        card = check_known(name, UPSCALING, self._offered)
        with self._device(cancellation):
            yield self._get_or_load(
                (card.files["onnx"].sha256, fidelity, precision, faces),
                Upscaler,
                lambda: Upscaler.load(
                    name, fidelity=fidelity, precision=precision, faces=faces, **self._options
                ),
            )

    @contextmanager
    def faces(self, name: str, cancellation: Cancellation) -> Generator[FaceGenerator]:
        """Wait for the device, and use a face generator exclusively during the block.

        Args:
            name: as for `upscaler`.
            cancellation: as for `upscaler`.

        Raises:
            SrganGpError: as for `upscaler`.
        """
        card = check_known(name, FACES)
        with self._device(cancellation):
            yield self._get_or_load(
                card.files["onnx"].sha256,
                FaceGenerator,
                lambda: FaceGenerator.load(name, **self._options),
            )

    @contextmanager
    def _device(self, cancellation: Cancellation) -> Generator[None]:
        cancellation.enter("queued")
        while not self._device_lock.acquire(timeout=_SECONDS_BETWEEN_CHECKS):
            cancellation.check()
        try:
            cancellation.enter("running")
            yield
        finally:
            self._device_lock.release()

    def _get_or_load(self, key: object, kind: type[Model], load: Callable[[], Model]) -> Model:
        """Return a cached model, or load it in place of the least recently used one.

        Call it with the device held, which also protects the cache.

        Args:
            key: content and options of the model. Not its name: another model may get that later.
            kind: class of the model.
            load: loads it.
        """
        key = (kind, key)
        if key in self._loaded:
            self._loaded.move_to_end(key)
            return cast(Model, self._loaded[key])
        while len(self._loaded) >= _MAX_LOADED:
            self._loaded.popitem(last=False)
        model = load()
        self._loaded[key] = model
        return model


def check_known(name: str, task: str, offered: Collection[str] = ()) -> ModelCard:
    """Find the card of a listed model by its name, so that a client cannot load other files.

    Args:
        name: name that the client sent.
        task: one of `cards.TASKS`.
        offered: as for `cards_for`.

    Raises:
        UsageError: there is no model of this name for the task; the message lists those for it.
    """
    cards = {card.name: card for card in cards_for(task, offered)}
    if name in cards:
        return cards[name]
    is_hidden = any(card.name == name and card.task == task for card in _cards())
    problem = (
        f"The model {name} is for another task"
        if name in model_names() and not is_hidden
        else (f"Unknown model {name!r}")
    )
    choices = f"Choose one of {', '.join(cards)}." if cards else "No model for it is installed."
    raise UsageError(f"{problem}. {choices}")


def _check_is_upscaler(name: str) -> None:
    tasks = {card.name: card.task for card in _cards()}
    known = ", ".join(name for name in tasks if tasks[name] == UPSCALING) or "none is installed"
    if name not in tasks:
        raise ModelRefusedError(f"Unknown model {name!r}. Known models: {known}.")
    if tasks[name] != UPSCALING:
        raise ModelRefusedError(
            f"The model {name} is for {tasks[name]} and cannot upscale. Pass --model with one "
            f"of {known}."
        )


def cards_for(task: str, offered: Collection[str] = ()) -> list[ModelCard]:
    """Return the cards of the models for a task that clients may use.

    Args:
        task: one of `cards.TASKS`.
        offered: names of the imported models that the operator offers; others are left out.
    """
    return [
        card
        for card in _cards()
        if card.task == task and (card.imported is None or card.name in offered)
    ]


def _cards() -> list[ModelCard]:
    # Invalid cards are reported when the server starts, not to visitors.
    return list_models(on_refused=lambda _: None)


def default_face_model(requested: str | None) -> str:
    """Return the requested model, or the first face model.

    Raises:
        UsageError: no face model is installed.
    """
    if requested is not None:
        return requested
    names = [card.name for card in cards_for(FACES)]
    if not names:
        raise UsageError("No face model is installed.")
    return names[0]
