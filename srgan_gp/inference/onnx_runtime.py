"""Typed part of ONNX Runtime, and its errors translated into ours."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from srgan_gp.errors import DeviceError, ModelRefusedError
from srgan_gp.inference.tiling.tiles import Floats

OUT_OF_MEMORY = (
    "failed to allocate",
    "bad_alloc",
    "out of memory",
    "alloc_failed",
    "allocatebuffer",
)
GPU_FAILURE = ("cuda failure", "cudnn failure", "cublas failure", "cuda error")


class OrtSession(Protocol):
    """The part of `onnxruntime.InferenceSession` that is used here; it comes without types."""

    def get_inputs(self) -> Sequence[Any]:
        """Describe the inputs."""
        ...

    def get_outputs(self) -> Sequence[Any]:
        """Describe the outputs."""
        ...

    def get_modelmeta(self) -> Any:  # noqa: ANN401 - ONNX Runtime comes without types
        """Give the metadata."""
        ...

    def get_providers(self) -> Sequence[str]:
        """Name the providers in use, best first."""
        ...

    def run(
        self, output_names: None, input_feed: dict[str, Floats], run_options: object
    ) -> list[Floats]:
        """Compute all outputs."""
        ...


def run_ort_session(
    engine: OrtSession, inputs: Floats, name: str, options: object = None
) -> Floats:
    """Run a model, and turn whatever ONNX Runtime raises into one of our errors.

    Args:
        engine: takes and gives one tensor.
        inputs: pictures (N, 3, H, W) or latents (N, latent_size), float32.
        name: of the model, for messages.
        options: ONNX Runtime's for this run.

    Raises:
        MemoryError: the device has too little memory for this size.
        DeviceError: the GPU failed.
        ModelRefusedError: the model cannot take this size.
    """
    try:
        feed = {engine.get_inputs()[0].name: np.ascontiguousarray(inputs)}
        return engine.run(None, feed, options)[0]
    except MemoryError:
        raise
    except Exception as error:  # ONNX Runtime's exceptions share no base
        text = str(error).lower()
        if any(sign in text for sign in OUT_OF_MEMORY):
            raise MemoryError(first_line(error)) from error
        if any(sign in text for sign in GPU_FAILURE):
            raise DeviceError(f"The GPU failed: {first_line(error)}.") from error
        if inputs.ndim == 4:
            what = f"a picture of {inputs.shape[3]} x {inputs.shape[2]}"
        else:
            what = f"latents of shape {inputs.shape}"
        raise ModelRefusedError(
            f"The model {name} fails on {what}: {first_line(error)}."
        ) from error


def first_line(error: Exception) -> str:
    """First line of an error's text, without ONNX Runtime's prefix and the full stop."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].removeprefix("[ONNXRuntimeError] : ")[:200].rstrip(". ")
