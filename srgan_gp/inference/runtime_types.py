"""ONNX Runtime: interface for type checkers, a run of a model, and conversion of exceptions."""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import DeviceError, ModelRefusedError, SrganGpError
from srgan_gp.inference.tiling.tiles import Floats
from srgan_gp.system.signals import run_interruptibly

OUT_OF_MEMORY = (
    "failed to allocate",
    "bad_alloc",
    "out of memory",
    "alloc_failed",
    "allocatebuffer",
)
"""Parts of ONNX Runtime's messages, in lower case, that mean too little memory."""
GPU_FAILURE = ("cuda failure", "cudnn failure", "cublas failure", "cuda error")
"""Parts of ONNX Runtime's messages, in lower case, that mean a failure of the GPU."""


class Float16OverflowError(SrganGpError):
    """A result was not finite in float16; the caller computes the input again in float32."""


class OrtSession(Protocol):
    """Type of the used part of `onnxruntime.InferenceSession`, which has no type hints."""

    def get_inputs(self) -> Sequence[Any]:
        """Return the descriptions of the inputs."""
        ...

    def get_outputs(self) -> Sequence[Any]:
        """Return the descriptions of the outputs."""
        ...

    def get_modelmeta(self) -> Any:  # noqa: ANN401 - ONNX Runtime has no type hints
        """Return the metadata."""
        ...

    def get_providers(self) -> Sequence[str]:
        """Return the names of the providers in use, in order of priority."""
        ...

    def run(
        self, output_names: None, input_feed: dict[str, Floats], run_options: object
    ) -> list[Floats]:
        """Run the model and return all outputs."""
        ...


def run_ort_session(
    session: OrtSession,
    inputs: Floats,
    name: str,
    options: Any = None,  # noqa: ANN401 - ONNX Runtime has no type hints
    interrupts: bool = True,
) -> Floats:
    """Run a model, and convert exceptions of ONNX Runtime.

    Args:
        session: a model with one input and one output.
        inputs: images (N, 3, H, W), or latents (N, latent_size) of a face generator; float32.
        name: name of the model, for messages.
        options: `onnxruntime.RunOptions` or None.
        interrupts: whether Ctrl-C ends a run in the main thread at once. Without `options` it
            never does, because a run is ended by a field of the options.

    Returns:
        The output, (N, 3, H * scale, W * scale) or faces (N, 3, side, side), float32.

    Raises:
        MemoryError: the device has too little memory for this size.
        DeviceError: the GPU failed.
        ModelRefusedError: the model does not accept this size.
        KeyboardInterrupt: Ctrl-C was pressed.
    """

    def terminate() -> None:
        options.terminate = True

    is_main_thread = threading.current_thread() is threading.main_thread()
    try:
        feed = {session.get_inputs()[0].name: np.ascontiguousarray(inputs)}
        if options is not None and interrupts and is_main_thread:
            return run_interruptibly(lambda: session.run(None, feed, options)[0], terminate)
        return session.run(None, feed, options)[0]
    except MemoryError:  # raised by NumPy; `convert_error` knows messages of ONNX Runtime only
        raise
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise convert_error(error, inputs, name) from error


def convert_error(error: Exception, inputs: NDArray[Any], name: str) -> Exception:
    """Convert an exception of ONNX Runtime.

    Args:
        error: the exception.
        inputs: images (N, 3, H, W) or latents (N, latent_size).
        name: name of the model.

    Returns:
        MemoryError, DeviceError or ModelRefusedError, as for `run_ort_session`.
    """
    message = str(error).lower()
    if any(part in message for part in OUT_OF_MEMORY):
        return MemoryError(first_line(error))
    if any(part in message for part in GPU_FAILURE):
        return DeviceError(f"The GPU failed: {first_line(error)}.")
    if inputs.ndim == 4:
        input_kind = f"an image of {inputs.shape[3]} x {inputs.shape[2]} pixels"
    else:
        input_kind = f"latents of shape {inputs.shape}"
    return ModelRefusedError(f"The model {name} fails on {input_kind}: {first_line(error)}.")


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, for our messages.

    ONNX Runtime's prefix and the full stop at the end are removed. At most 200 characters are kept,
    so that our message stays readable.
    """
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].removeprefix("[ONNXRuntimeError] : ")[:200].rstrip(". ")
