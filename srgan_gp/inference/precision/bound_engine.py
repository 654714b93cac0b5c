"""`BoundEngine`: runs a float16 model with buffers on its device, kept from run to run.

In ONNX Runtime's terms this is a binding: inputs and outputs are assigned to memory of the device
once.
"""

from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from srgan_gp.inference import ort_engine  # It switches ONNX Runtime's telemetry off at import.
from srgan_gp.inference.devices import DeviceRequest
from srgan_gp.inference.runtime_types import Float16OverflowError, convert_error

_onnxruntime = cast(Any, ort_engine.onnxruntime)  # has no type hints

Array = NDArray[Any]

BUFFER_SETS = 2
"""Number of threads that can run a model at once: while one thread computes, the other copies. Each
set takes memory of the device, and only one thread computes at a time."""


@dataclass
class _Buffers:
    """Memory on the device for an input of one shape, and for its outputs."""

    shape: tuple[int, ...]
    input_value: Any
    """`onnxruntime.OrtValue` of the input."""
    binding: Any
    """`IOBinding` of the input and the outputs."""


class BoundEngine:
    """A model of `float16_graph.to_float16`, with `BUFFER_SETS` sets of buffers.

    Args:
        engine: ONNX Runtime's session.
        device: `cpu` or `cuda:N`.
        name: name of the model, for messages.
    """

    def __init__(self, engine: Any, device: str, name: str) -> None:  # noqa: ANN401
        kind, _, index = device.partition(":")
        self._engine, self._name = engine, name
        self._device = (kind, int(index or 0))
        self._free_sets: SimpleQueue[_Buffers | None] = SimpleQueue()
        for _ in range(BUFFER_SETS):
            self._free_sets.put(None)  # allocated when it is needed

    def run(self, window: Array, options: object) -> Array:
        """Run the model; waits while all sets of buffers are in use.

        Args:
            window: (N, 3, H, W), uint8 or float32, as the model takes it.
            options: `onnxruntime.RunOptions`.

        Returns:
            (N, 3, H * scale, W * scale), of the dtype of `window`.

        Raises:
            Float16OverflowError: a value of the result is not finite.
            MemoryError: the device has too little memory for this size.
            DeviceError: the GPU failed.
            ModelRefusedError: the model does not accept this size.
        """
        buffers = self._free_sets.get()
        try:
            # A model takes windows of one dtype only, so the dtype is not compared.
            if buffers is None or buffers.shape != window.shape:
                buffers = None  # The old buffers are freed before new buffers are allocated.
                buffers = self._allocate(window)
            buffers.input_value.update_inplace(np.ascontiguousarray(window))
            self._engine.run_with_iobinding(buffers.binding, options)
            # The second output, `float16_graph.FINITE_CHECK`, is 0, or NaN after an overflow.
            upscaled, finite_check = buffers.binding.copy_outputs_to_cpu()
        except MemoryError:
            buffers = None
            raise
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            buffers = None
            raise convert_error(error, window, self._name) from error
        finally:
            self._free_sets.put(buffers)
        if not np.isfinite(finite_check):
            raise Float16OverflowError(f"The model {self._name} overflows in float16.")
        return upscaled

    def _allocate(self, window: Array) -> _Buffers:
        """Allocate buffers for inputs of the shape and dtype of a window."""
        input_value = _onnxruntime.OrtValue.ortvalue_from_shape_and_type(
            window.shape, window.dtype, *self._device
        )
        binding = self._engine.io_binding()
        binding.bind_ortvalue_input(self._engine.get_inputs()[0].name, input_value)
        for output in self._engine.get_outputs():
            binding.bind_output(output.name, *self._device)
        return _Buffers(window.shape, input_value, binding)


def open_float16(
    data: bytes, name: str, device: DeviceRequest, threads: int, takes_uint8: bool
) -> BoundEngine:
    """Open the float16 network of a model on the device that its float32 network uses."""
    from srgan_gp.inference.precision.float16_graph import to_float16

    converted = to_float16(data, name, takes_uint8=takes_uint8)
    engine, used_device, _ = ort_engine.start_engine(
        converted, name, device, threads, is_float16=True
    )
    return BoundEngine(engine, used_device, name)
