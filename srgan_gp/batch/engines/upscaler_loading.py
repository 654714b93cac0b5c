"""Loading of the upscalers of an engine, and facts about their model for the run.

Engines call `load_upscalers` in the process that runs the model: the process of the command, a
worker or a Ray actor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from srgan_gp.inference.face_enhancement.face_options import FaceOptions
from srgan_gp.inference.upscaler import DEFAULT_MODEL, Upscaler

OpenUpscalers = Callable[[str], Sequence[Upscaler]]
"""Function that takes the name of a device, loads a model there, and returns the upscalers of a
`ThreadEngine`, which runs jobs in threads. It can be pickled, to be sent to a worker."""


def load_upscalers(
    device: str,
    *,
    model: str | None,
    threads: int | None,
    fidelity: float | None,
    precision: str = "auto",
    faces: FaceOptions | None = None,
    tta: bool = False,
) -> list[Upscaler]:
    """Load a model once, and return two upscalers that share it.

    With two upscalers a `ThreadEngine` prepares one image while the network processes another.
    Arguments and errors are those of `Upscaler.load`; `threads` is the number of CPU threads of the
    network. If `model` is None, the default model is loaded.
    """
    upscaler = Upscaler.load(
        DEFAULT_MODEL if model is None else model,
        device=device,
        threads=threads,
        fidelity=fidelity,
        precision=precision,
        faces=faces,
        tta=tta,
    )
    return [upscaler, upscaler.sharing()]


@dataclass(frozen=True)
class About:
    """Facts about a model that a run needs before it starts."""

    name: str
    """Name of the model."""
    fidelity: float | None
    """Weight of the second model in an average of two, 0 to 1, as `Upscaler.fidelity`; None: no
    average."""
    scale: int
    """Scale factor of the network."""
    sha256: str
    """Hash of the model file, 64 hexadecimal digits."""
    choice: str
    """Model and device, with the reason of the choice, in one line for the user."""
    face_work: dict[str, object]
    """Options of face enhancement, as JSON types; empty if faces are not enhanced."""

    @classmethod
    def of(cls, upscaler: Upscaler) -> "About":
        """Collect the facts from a loaded model."""
        return cls(
            upscaler.name,
            upscaler.fidelity,
            upscaler.scale,
            upscaler.sha256,
            upscaler.choice,
            upscaler.face_work,
        )
