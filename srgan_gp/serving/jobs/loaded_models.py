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
from srgan_gp.models.catalog import list_models
from srgan_gp.serving.jobs.job_cancellation import Cancellation

_MAX_LOADED = 4
"""Models in the cache, of up to 1 GB each. The model comparison of the page uses four; with fewer
places each comparison would load models again."""
_SECONDS_BETWEEN_CHECKS = 0.1
"""Seconds between two checks of the cancellation, while a job waits for the device. A cancelled job
ends up to this much later; a shorter time wakes the thread more often."""

Model = TypeVar("Model", Upscaler, FaceGenerator)


class _DeviceOptions(TypedDict):
    """Arguments of `Upscaler.load` and `FaceGenerator.load`, the same for all models."""

    device: str
    threads: int | None


class LoadedModels:
    """Cache of loaded models, which also lends the device to one job at a time.

    When the cache is full, the least recently used model is dropped.

    Args:
        device: `auto`, `cpu`, `cuda[:N]` or `tensorrt[:N]`; N is the number of the GPU.
        threads: CPU threads of the network; None: one for each CPU that this process may use.
        offered: names of models that clients may use even if they are imported: models of other
            projects.
    """

    def __init__(self, device: str, threads: int | None, offered: Collection[str] = ()) -> None:
        self._offered = offered
        self._options: _DeviceOptions = {"device": device, "threads": threads}
        self._device_lock = threading.Lock()  # protects `_loaded` too
        # The least recently used model first; `_get_or_load` describes the keys.
        self._loaded: OrderedDict[object, Upscaler | FaceGenerator] = OrderedDict()

    def check_default(self, name: str) -> None:
        """Check, before the first request, that the default and the offered models are upscalers.

        If a GPU was requested, the default model is loaded on it and stays cached. With `auto` and
        `cpu` the first request loads it.

        Args:
            name: name of the default model.

        Raises:
            ModelRefusedError: a model is unknown or is not an upscaler.
            UsageError: the device is unknown, or there are too many threads.
            DeviceError: the requested GPU cannot be used.
        """
        for model in (name, *self._offered):
            _check_is_upscaler(model)
        choose_threads(self._options["threads"])  # raises if there are too many
        if parse_device(self._options["device"]).kind in GPU_KINDS:
            never_cancelled = Cancellation()
            with self.upscaler(name, None, never_cancelled):
                pass  # the model is loaded when the block begins

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
            fidelity: weight of the model's fidelity partner, 0 to 1; None: the model alone.
            cancellation: cancellation of the job, which is checked while the job waits.
            precision: `auto`, `float32` or `int8`.
            faces: strength of the enhancement of small faces, 0 to 1; None: no enhancement.

        Raises:
            UsageError: the model is unknown, or an option cannot be used with it.
            Cancelled: the job was cancelled.
            SrganGpError: the model cannot be loaded on the device.
        """
        card = require_known(name, UPSCALING, self._offered)
        with self._device(cancellation):
            yield self._get_or_load(
                (card.files["onnx"].sha256, fidelity, precision, faces),
                Upscaler,
                lambda: Upscaler.load(
                    name, fidelity=fidelity, precision=precision, faces=faces, **self._options
                ),
            )

    @contextmanager
    def face_generator(self, name: str, cancellation: Cancellation) -> Generator[FaceGenerator]:
        """Wait for the device, and use a face generator exclusively during the block.

        Args:
            name: name of a model listed by `list_models`; never a path.
            cancellation: cancellation of the job, which is checked while the job waits.

        Raises:
            UsageError: the model is unknown.
            Cancelled: the job was cancelled.
            SrganGpError: the model cannot be loaded on the device.
        """
        card = require_known(name, FACES)
        with self._device(cancellation):
            yield self._get_or_load(
                card.files["onnx"].sha256,
                FaceGenerator,
                lambda: FaceGenerator.load(name, **self._options),
            )

    @contextmanager
    def _device(self, cancellation: Cancellation) -> Generator[None]:
        """Wait for the device in the stage `queued`, and hold it during the block, in `running`.

        Raises:
            Cancelled: the job was cancelled.
        """
        cancellation.begin_stage("queued")
        while not self._device_lock.acquire(timeout=_SECONDS_BETWEEN_CHECKS):
            cancellation.raise_if_cancelled()
        try:
            cancellation.begin_stage("running")
            yield
        finally:
            self._device_lock.release()

    def _get_or_load(self, key: object, kind: type[Model], load: Callable[[], Model]) -> Model:
        """Return a cached model, or load it in place of the least recently used one.

        The caller holds the device, whose lock also protects the cache.

        Args:
            key: SHA-256 and options of the model. Not its name, which another model may get later.
            kind: class of the model.
            load: loads the model.
        """
        typed_key = (kind, key)
        if typed_key in self._loaded:
            self._loaded.move_to_end(typed_key)
            return cast(Model, self._loaded[typed_key])  # its class is `kind`, a part of the key
        while len(self._loaded) >= _MAX_LOADED:
            self._loaded.popitem(last=False)
        model = load()
        self._loaded[typed_key] = model
        return model


def require_known(name: str, task: str, offered: Collection[str] = ()) -> ModelCard:
    """Return the card of a model that clients may use, so that a client cannot load other files.

    Args:
        name: name that the client sent.
        task: one of `cards.TASKS`.
        offered: as for `cards_for`.

    Raises:
        UsageError: there is no model of this name for the task; the message lists the models of the
            task.
    """
    cards = {card.name: card for card in cards_for(task, offered)}
    if name in cards:
        return cards[name]
    # A model of this task that clients may not use is reported as unknown, and so is one whose card
    # is invalid.
    if any(card.name == name and card.task != task for card in _installed_cards()):
        problem = f"The model {name} is for another task"
    else:
        problem = f"Unknown model {name!r}"
    choices = f"Choose one of {', '.join(cards)}." if cards else "No model for it is installed."
    raise UsageError(f"{problem}. {choices}")


def _check_is_upscaler(name: str) -> None:
    """Check a model that the operator named with `--model` or `--offer`.

    Raises:
        ModelRefusedError: the model is not installed, or is for another task.
    """
    tasks = {card.name: card.task for card in _installed_cards()}
    upscalers = [model for model, task in tasks.items() if task == UPSCALING]
    known = ", ".join(upscalers) or "none is installed"
    if name not in tasks and name.lower().endswith(".onnx"):
        raise ModelRefusedError(
            f"The server takes names of models, not the file {name}. Run `srgan-gp import {name} "
            "--name NAME` first, and pass the NAME."
        )
    if name not in tasks:
        raise ModelRefusedError(f"Unknown model {name!r}. Known models: {known}.")
    if tasks[name] != UPSCALING:
        raise ModelRefusedError(
            f"The model {name} is for {tasks[name]} and cannot upscale. Choose one of {known}."
        )


def cards_for(task: str, offered: Collection[str] = ()) -> list[ModelCard]:
    """Return the cards of the models for a task that clients may use.

    Args:
        task: one of `cards.TASKS`.
        offered: names of models that the operator offers. An imported model, a network of another
            project, is omitted if it is not among them. Not needed for faces: only upscaling models
            can be imported.
    """
    cards = [card for card in _installed_cards() if card.task == task]
    return [card for card in cards if card.imported is None or card.name in offered]


def _installed_cards() -> list[ModelCard]:
    """Return the valid cards of all installed models."""
    # Invalid cards are reported when the server starts, not to visitors.
    return list_models(on_refused=lambda _error: None)


def choose_face_model(requested: str | None) -> str:
    """Return the name of the requested model, or of the first installed face model.

    Args:
        requested: name from the request, not checked here; None: none was requested.

    Raises:
        UsageError: no face model is installed.
    """
    if requested is not None:
        return requested
    names = [card.name for card in cards_for(FACES)]
    if not names:
        raise UsageError("No face model is installed.")
    return names[0]
