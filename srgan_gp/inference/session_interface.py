"""Interface of a session (a loaded model on a device), and functions that need no more than it.

`Upscaler` and `FaceGenerator` use it, and tests replace the session.
"""

from typing import Any, Protocol

from numpy.typing import NDArray

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.tiling.tiles import Floats
from srgan_gp.models.cards import FACES, ModelCard


class SessionInterface(Protocol):
    """Interface that `Upscaler` and `FaceGenerator` need.

    `session.Session` implements it, and describes the attributes.
    """

    info: ModelInfo
    device: str
    provider: str
    precision: str
    notes: tuple[str, ...]
    card: ModelCard | None
    takes_batches: bool

    def run(self, inputs: Floats) -> Floats:
        """Run the model as `session.Session.run` does; may raise MemoryError."""
        ...

    def run_half(self, window: NDArray[Any]) -> NDArray[Any]:
        """Run the model as `session.Session.run_half` does, if `precision` is float16."""
        ...

    def cancel(self) -> None:
        """Stop the runs in progress, if there are any."""
        ...


def require_task(session: SessionInterface | None, task: str, purpose: str) -> SessionInterface:
    """Check that a model is for a task, and return its session.

    Args:
        session: session of the model.
        task: one of `cards.TASKS`.
        purpose: what the caller does, for the message, such as "upscaling".

    Returns:
        `session`.

    Raises:
        ModelRefusedError: the model is for another task.
        TypeError: `session` is something else: None, the default of both classes, or a name.
    """
    info = getattr(session, "info", None)
    if session is None or info is None:
        class_name = "FaceGenerator" if task == FACES else "Upscaler"
        argument = repr(session) if isinstance(session, str) else ""
        raise TypeError(
            f"{class_name} needs a session, got {session!r}; use {class_name}.load({argument}), "
            "which opens a model by its name or path"
        )
    if info.task != task:
        raise ModelRefusedError(
            f"The model {info.name} is for {info.task or 'an unknown task'}; "
            f"{purpose} needs one for {task}."
        )
    return session


def describe_choice(session: SessionInterface) -> str:
    """Return one line: model, device, precision if not float32, and the notes of the session."""
    precision = "" if session.precision == "float32" else f" in {session.precision}"
    model = f"{session.info.name} on {session.device}{precision}."
    tiling_notes = () if session.info.has_exact_tiles else (session.info.tiling_note,)
    return " ".join((model, *session.notes, *tiling_notes))
