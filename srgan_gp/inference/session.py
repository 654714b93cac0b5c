"""`Session`: opens an ONNX model on a device with ONNX Runtime, runs it and cancels runs.

"Half" means half precision, float16: its network has a second engine (session of ONNX Runtime).
"""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import Cancelled, ModelRefusedError, SrganGpError
from srgan_gp.inference.devices import (
    FLOAT16,
    INT8,
    choose_threads,
    parse_device,
    restrict_device,
)
from srgan_gp.inference.loading.model_files import read_model, require_float16
from srgan_gp.inference.loading.model_info import (
    FLOAT32_SHA256,
    ModelInfo,
    check_inputs_and_outputs,
    read_metadata,
)
from srgan_gp.inference.ort_engine import create_session, onnxruntime, start_engine
from srgan_gp.inference.precision.bound_engine import BoundEngine, open_float16
from srgan_gp.inference.runtime_types import OrtSession, run_ort_session
from srgan_gp.inference.tiling.tiles import Floats
from srgan_gp.models.cards import FACES, ModelCard


class Session:
    """A loaded model. Create one with `Session.open`."""

    info: ModelInfo  # scale, overlap of tiles and other properties
    device: str
    """Device that runs the model, checked after loading: `cpu` or `cuda:N`."""
    provider: str
    """ONNX Runtime's execution provider."""
    precision: str = "float32"
    """Precision that the model runs in: `float32`, `float16` or `int8`."""
    notes: tuple[str, ...]
    """Messages: why a GPU is not used, what was measured on a model without metadata."""
    card: ModelCard | None
    """Card of the model; None for a model without a card."""
    takes_batches: bool
    """Whether `run` accepts N > 1; models of other projects get one image at a time."""

    def __init__(
        self,
        engine: OrtSession,
        info: ModelInfo,
        device: str = "cpu",
        notes: tuple[str, ...] = (),
        card: ModelCard | None = None,
    ) -> None:
        self._engine, self.info, self.card = engine, info, card
        has_batches = not isinstance(engine.get_inputs()[0].shape[0], int)  # a name if it varies
        self.takes_batches = has_batches and info.source == "metadata"
        self.device, self.notes = device, notes
        self.provider = str(engine.get_providers()[0])  # the provider of highest priority
        self._shrinks_arena = False
        self._running: set[Any] = set()  # `RunOptions` of the runs in progress
        self._open_half: Callable[[bool], BoundEngine] | None = None
        """Opens a float16 engine that takes uint8 (True) or float32; None without float16."""
        self._half_engines: dict[bool, BoundEngine] = {}
        """Opened float16 engines by the argument of `_open_half`."""
        self._half_lock = threading.Lock()

    @classmethod
    def open(
        cls,
        model: str | Path,
        *,
        device: str = "auto",
        threads: int | None = None,
        fidelity: float | None = None,
        task: str | None = None,
        precision: str = "auto",
        tta: bool = False,
    ) -> "Session":
        """Load a model by name or path.

        The file is verified first. The properties of a model that this package did not export are
        measured.

        Args:
            model: name of a model, or path of an `.onnx` file.
            device: `cpu`; `cuda` or `cuda:N`, which fail where that GPU cannot be used;
                `tensorrt` or `tensorrt:N`, the same with operations compiled by TensorRT; or
                `auto`, which uses the first GPU with CUDA if it works and the CPU otherwise, with a
                message in `notes` if there is a GPU.
            threads: CPU threads; None means one for each CPU this process may use.
            fidelity: weight, 0 to 1, of the model's fidelity partner in the average of the two;
                None runs the model as it is.
            task: the message about an unknown name lists models of this task; None: of all.
            precision: one of `devices.PRECISIONS`. `auto` is float32; `float16` is for GPUs, and
                leaves a face generator in float32; `int8` runs the int8 network of the model on
                the CPU.
            tta: average the results of all flips and rotations, in eight times the time.

        Raises:
            ModelRefusedError: the model is unknown, does not match the hash on its card, has other
                inputs or outputs than needed, cannot be averaged with its partner, cannot run with
                TTA, or its int8 network was made from other weights.
            DeviceError: the requested GPU cannot be used.
            UsageError: `device` or `precision` is unknown, `fidelity` or `threads` is out of range,
                the model has no fidelity partner or no int8 network, or int8 is combined with a GPU
                or a fidelity.
            TypeError: an argument has another type than stated.
        """
        if not isinstance(cast("object", model), str | os.PathLike):  # callers may pass any type
            raise TypeError(f"the model must be a name or a path, got {model!r}")
        if not isinstance(cast("object", threads), Integral | None) or isinstance(threads, bool):
            raise TypeError(f"threads must be an integer, got {threads!r}")
        if not isinstance(cast("object", fidelity), Real | None) or isinstance(fidelity, bool):
            raise TypeError(f"fidelity must be a number, got {fidelity!r}")
        request = parse_device(device)
        if precision != "auto":  # `auto` fits every device
            request = restrict_device(request, precision)
        threads = choose_threads(threads)
        source = read_model(model, fidelity, task, is_int8=precision == INT8, tta=tta)
        data, name = source.data, source.name
        engine, used_device, notes = start_engine(data, name, request, threads)
        metadata = engine.get_modelmeta().custom_metadata_map
        info = read_metadata(metadata, name, source.sha256)
        check_inputs_and_outputs(engine.get_inputs(), engine.get_outputs(), name, info)
        if info is None:  # measured on the CPU, by where NaN spreads; a GPU may spread it further
            cpu_engine = engine if used_device == "cpu" else create_session(data, threads)
            info = _measure(cpu_engine, data, name, source.sha256)
            notes = (*notes, info.measured_note)
        if fidelity is not None or tta:  # The metadata has the name of the model alone.
            info = replace(info, name=name, fidelity=fidelity)
        session = cls(engine, info, used_device, notes, source.card)
        if precision == FLOAT16 and info.task != FACES:
            require_float16(source)
            session.precision = FLOAT16
            # `auto` is replaced: float16 runs on the device of the float32 network, or fails.
            gpu_kind = "tensorrt" if request.kind == "tensorrt" else "cuda"
            half_device = replace(request, kind="cpu" if used_device == "cpu" else gpu_kind)
            session._open_half = partial(open_float16, data, name, half_device, threads)
        if precision == INT8:
            session.precision = INT8
            session.notes = (session._int8_note(metadata), *notes)
        return session

    def run(self, inputs: Floats, half: BoundEngine | None = None) -> Floats:
        """Upscale images, or generate faces from latents.

        Args:
            inputs: (N, 3, H, W), float32, RGB in [0, 1]; or (N, latent_size), float32.
            half: float16 engine, passed by `run_half` only: inputs and result are as there.

        Returns:
            (N, 3, H * scale, W * scale), or (N, 3, image_size, image_size); float32, not clipped.

        Raises:
            MemoryError: the device has too little memory for this size.
            DeviceError: the GPU failed.
            ModelRefusedError: the model does not accept this size.
            Cancelled: `cancel` was called during the run.
        """
        options: Any = cast("Any", onnxruntime).RunOptions()
        if self._shrinks_arena:  # after a run failed for lack of memory
            arena = "cpu:0" if self.device == "cpu" else self.device.replace("cuda", "gpu")
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", arena)
        self._running.add(options)
        try:
            if half:
                return half.run(inputs, options)
            # Ctrl-C ends only runs in another thread, in which a GPU would need a second context.
            interrupts = self.device == "cpu"
            return run_ort_session(self._engine, inputs, self.info.name, options, interrupts)
        except MemoryError:
            self._shrinks_arena = True  # From now on, each run returns its memory to the system.
            raise
        except SrganGpError:
            if options.terminate:
                raise Cancelled(f"The run of {self.info.name} was cancelled.") from None
            raise
        finally:
            self._running.discard(options)

    def run_half(self, window: NDArray[Any]) -> NDArray[Any]:
        """Upscale images in float16.

        Args:
            window: (N, 3, H, W), RGB; uint8, or float32 in [0, 1].

        Returns:
            (N, 3, H * scale, W * scale), of the dtype of `window`; uint8 is rounded to nearest.

        Raises:
            Float16OverflowError: a value is not finite in float16.
            ModelRefusedError: the model cannot be converted to float16.
            MemoryError, SrganGpError: as for `run`.
        """
        assert self._open_half is not None  # Callers check that `precision` is float16.
        takes_uint8 = window.dtype == np.uint8
        with self._half_lock:
            if takes_uint8 not in self._half_engines:
                self._half_engines[takes_uint8] = self._open_half(takes_uint8)
        return self.run(window, self._half_engines[takes_uint8])

    def _int8_note(self, metadata: Mapping[str, str]) -> str:
        """Return the measured difference of the int8 network from the float32 one, as a note.

        Raises:
            ModelRefusedError: it was not made from the model of the card.
        """
        assert self.card is not None and self.card.int8 is not None  # `read_model` found it there.
        if metadata.get(FLOAT32_SHA256) != self.card.files["onnx"].sha256:
            raise ModelRefusedError(
                f"The int8 network of {self.info.name} was made from other weights. Export the "
                "model again."
            )
        return f"{self.card.int8.line}."

    def cancel(self) -> None:
        """Stop all runs in progress at their next operation. Thread-safe."""
        for options in tuple(self._running):
            options.terminate = True


def _measure(cpu_engine: OrtSession, data: bytes, name: str, sha256: str) -> ModelInfo:
    """Measure the properties of a model without metadata; `sha256` is the hash of `data`."""
    from srgan_gp.inference.loading import foreign_models

    graph = foreign_models.parse_safely(data, name)
    return foreign_models.measure_properties(
        lambda images: run_ort_session(cpu_engine, images, name), graph, name, sha256
    )
