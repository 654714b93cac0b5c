"""Interface of a session (a loaded model on a device), and code that needs this interface only.

`Upscaler` and `FaceGenerator` use it, and tests replace the session.
"""

from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from numpy.typing import NDArray

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.tiling.tiles import Floats
from srgan_gp.models.cards import ModelCard


class SessionInterface(Protocol):
    """Interface that `Upscaler` and `FaceGenerator` need.

    `session.Session` implements it.
    """

    info: ModelInfo  # name, task, scale, overlap of tiles and other properties
    device: str  # `cpu` or `cuda:N`
    provider: str  # ONNX Runtime's execution provider
    precision: str  # `float32`, `float16` or `int8`
    notes: tuple[str, ...]  # messages about the device and the model
    card: ModelCard | None  # description of the model
    takes_batches: bool  # whether `run` accepts several images at once

    def run(self, inputs: Floats) -> Floats:
        """Upscale images (N, 3, H, W), or generate the faces of latents (N, latent_size).

        As `session.Session.run` does; may raise MemoryError.
        """
        ...

    def run_half(self, window: NDArray[Any]) -> NDArray[Any]:
        """Upscale images (N, 3, H, W) in float16, as `session.Session.run_half` does.

        It is called only if `precision` is `float16`.
        """
        ...

    def cancel(self) -> None:
        """Stop the runs in progress, if there are any."""
        ...


@dataclass
class CancelCount:
    """Counts the calls of `Upscaler.cancel`; an image in progress is stopped when `number` changes.

    `Upscaler` makes one, and shares it with the upscalers that `Upscaler.sharing` returns.
    """

    number: int = 0


class LoadedModel:
    """Base class of `Upscaler` and `FaceGenerator`, which describe the attributes.

    Args:
        session: session of the model.
        task: one of `cards.TASKS`.
        purpose: what the class does, for the message, such as "upscaling".

    Raises:
        ModelRefusedError: the model is for another task.
        TypeError: `session` is something else: None, the default of both classes, or a name.
    """

    def __init__(self, session: SessionInterface | None, task: str, purpose: str) -> None:
        info = getattr(session, "info", None)
        if session is None or info is None:
            class_name = type(self).__name__
            argument = repr(session) if isinstance(session, str) else ""
            raise TypeError(
                f"{class_name} needs a session, got {session!r}; use {class_name}.load({argument})"
                ", which opens a model by its name or path"
            )
        if info.task != task:
            raise ModelRefusedError(
                f"The model {info.name} is for {info.task or 'an unknown task'}; "
                f"{purpose} needs one for {task}."
            )
        self._session, self.choice = session, _describe_choice(session)
        self.name, self.sha256 = session.info.name, session.info.sha256
        self.device, self.card = session.device, session.card

    def __reduce__(self) -> NoReturn:
        """Refuse `pickle` and `copy`; `Pool.map(upscaler.upscale, ...)` would pickle the upscaler.

        Raises:
            TypeError: always.
        """
        name = type(self).__name__
        raise TypeError(
            f"{name} objects cannot be pickled or copied; call {name}.load in each process, "
            "such as in the initializer of a pool"
        )


def _describe_choice(session: SessionInterface) -> str:
    """Return one line: model, device, precision if not float32, and the notes of the session."""
    precision = "" if session.precision == "float32" else f" in {session.precision}"
    model = f"{session.info.name} on {session.device}{precision}."
    tiling_notes = () if session.info.has_exact_tiles else (session.info.tiling_note,)
    return " ".join((model, *session.notes, *tiling_notes))
