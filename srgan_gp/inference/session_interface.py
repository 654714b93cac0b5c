"""Interface of a session: ONNX Runtime's, or a fake one in tests."""

from typing import Protocol

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.tiling.tiles import Floats


class SessionInterface(Protocol):
    """What an upscaler and a generator of faces need of a session."""

    info: ModelInfo
    device: str
    provider: str
    notes: tuple[str, ...]

    def run(self, inputs: Floats) -> Floats:
        """Run the model as `Session.run` does; may raise MemoryError."""
        ...

    def cancel(self) -> None:
        """End the run under way, if it takes longer than a moment."""
        ...


def require_task(session: SessionInterface, task: str, purpose: str) -> None:
    """Check that a model is for the task at hand.

    Args:
        session: runs the model.
        task: one of `cards.TASKS`.
        purpose: what the caller does, for the message.

    Raises:
        ModelRefusedError: it is for another one.
    """
    about = session.info
    if about.task != task:
        raise ModelRefusedError(
            f"The model {about.name} is for {about.task or 'something unknown'}; "
            f"{purpose} needs one for {task}."
        )


def describe_choice(session: SessionInterface) -> str:
    """Say what runs on what, and why, in one line."""
    about = f"{session.info.name} on {session.device} ({session.provider})."
    return " ".join((about, *session.notes))
