"""`Session`: opens an ONNX model on a device with ONNX Runtime, runs it and cancels runs."""

import contextlib
import io
import os
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, cast

# Read when ONNX Runtime loads. Without it, an identifier and events are stored in the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

from srgan_gp.errors import Cancelled, DeviceError, ModelRefusedError, SrganGpError
from srgan_gp.inference.cuda_driver import NO_DRIVER
from srgan_gp.inference.devices import DeviceRequest, choose_threads, parse_device, why_no_gpu
from srgan_gp.inference.loading.model_files import read_model
from srgan_gp.inference.loading.model_info import ModelInfo, check_inputs_and_outputs, read_metadata
from srgan_gp.inference.runtime_types import OrtSession, first_line, run_ort_session
from srgan_gp.inference.tiling.tiles import Floats
from srgan_gp.models.cards import ModelCard

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
SILENT, WARNINGS = 4, 2  # ONNX Runtime's log levels; the current one cannot be read

_onnxruntime = cast(Any, onnxruntime)  # has no type hints


class Session:
    """A loaded model. Create one with `Session.open`."""

    info: ModelInfo
    device: str
    """Device that runs the model, checked after loading: `cpu` or `cuda:N`."""
    provider: str
    """ONNX Runtime's execution provider."""
    notes: tuple[str, ...]
    """Messages: why a GPU is not used, what was measured on a model without metadata."""
    card: ModelCard | None
    """Card of the model; None for a model without one."""
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
        self._engine = engine
        self.info = info
        self.card = card
        has_batches = not isinstance(engine.get_inputs()[0].shape[0], int)
        self.takes_batches = has_batches and info.source == "metadata"
        self.device = device
        self.provider = str(engine.get_providers()[0])
        self.notes = notes
        self._shrinks_arena = False
        self._running: set[Any] = set()  # `RunOptions` of the runs in progress

    @classmethod
    def open(
        cls,
        model: str | Path,
        *,
        device: str = "auto",
        threads: int | None = None,
        fidelity: float | None = None,
        task: str | None = None,
    ) -> "Session":
        """Load a model by name or path.

        The bytes that `read_model` verified are loaded. Properties of a model without our metadata
        are measured.

        Args:
            model: name of a model, or path of an `.onnx` file.
            device: `cpu`; `cuda` or `cuda:N`, which fail where that GPU cannot be used; or `auto`,
                which uses the first GPU if it works and the CPU otherwise, with a message in
                `notes` if there is a GPU.
            threads: CPU threads; None means one for each CPU this process may use.
            fidelity: weight, 0 to 1, of the model's fidelity partner in the average of the two;
                None runs the model as it is.
            task: as for `find_model`.

        Raises:
            ModelRefusedError: the model is unknown, does not match the hash on its card, has other
                inputs or outputs than needed, or cannot be averaged with its partner.
            DeviceError: the requested GPU cannot be used.
            UsageError: `device` is unknown, `fidelity` or `threads` is out of range, or the model
                has no fidelity partner.
            TypeError: an argument has another type than stated.
        """
        if not isinstance(cast("object", model), str | os.PathLike):
            raise TypeError(f"the model must be a name or a path, got {model!r}")
        for name, value, kind in (("threads", threads, Integral), ("fidelity", fidelity, Real)):
            if value is not None and not isinstance(cast("object", value), kind):
                what = "an integer" if kind is Integral else "a number"
                raise TypeError(f"{name} must be {what}, got {value!r}")
        request = parse_device(device)
        threads = choose_threads(threads)
        source = read_model(model, fidelity, task)
        data, name = source.data, source.name
        engine, used, notes = _start(data, name, request, threads)
        metadata = engine.get_modelmeta().custom_metadata_map
        info = read_metadata(metadata, name, source.sha256)
        check_inputs_and_outputs(engine.get_inputs(), engine.get_outputs(), name, info)
        if info is None:
            cpu_engine = engine if used == "cpu" else _create_session(data, threads)
            info = _measure(cpu_engine, data, name, source.sha256)
            notes = (*notes, info.measured_note)
        if fidelity is not None:
            info = replace(info, name=name, fidelity=fidelity)
        return cls(engine, info, used, notes, source.card)

    def run(self, inputs: Floats) -> Floats:
        """Upscale images, or generate faces from latents.

        Args:
            inputs: (N, 3, H, W), float32, RGB in [0, 1]; or (N, latent_size), float32.

        Returns:
            (N, 3, H * scale, W * scale), or (N, 3, image_size, image_size); float32, not clipped.

        Raises:
            MemoryError: the device has too little memory for this size.
            DeviceError: the GPU failed.
            ModelRefusedError: the model does not accept this size.
            Cancelled: `cancel` was called during the run.
        """
        options = _onnxruntime.RunOptions()
        if self._shrinks_arena:
            arena = "cpu:0" if self.device == "cpu" else self.device.replace("cuda", "gpu")
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", arena)
        self._running.add(options)
        try:
            return run_ort_session(self._engine, inputs, self.info.name, options)
        except MemoryError:
            # From now on, memory is returned to the system after each run.
            self._shrinks_arena = True
            raise
        except SrganGpError:
            if options.terminate:
                raise Cancelled(f"The run of {self.info.name} was cancelled.") from None
            raise
        finally:
            self._running.discard(options)

    def cancel(self) -> None:
        """Stop all runs in progress at their next operation. Thread-safe."""
        for options in tuple(self._running):
            options.terminate = True


def _measure(cpu_engine: OrtSession, data: bytes, name: str, digest: str) -> ModelInfo:
    from srgan_gp.inference.loading import foreign_models

    graph = foreign_models.parse_safely(data, name)
    return foreign_models.measure(
        lambda images: run_ort_session(cpu_engine, images, name), graph, name, digest
    )


def _start(
    data: bytes, name: str, request: DeviceRequest, threads: int
) -> tuple[OrtSession, str, tuple[str, ...]]:
    """Open a model on a device; return ONNX Runtime's session, the device, and notes."""
    problem = None if request.kind == "cpu" else why_no_gpu(request.index)
    if request.kind != "cpu" and problem is None:
        try:
            engine, notes = _start_on_cuda(data, threads, request.index)
        except DeviceError as error:
            problem = str(error)
        else:
            return engine, f"cuda:{request.index}", notes
    try:
        engine = _create_session(data, threads)
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise ModelRefusedError(
            f"The model {name} cannot be loaded: {first_line(error)}."
        ) from error
    if request.kind == "cuda":
        raise DeviceError(
            f"The device cuda:{request.index} cannot be used: {problem}. Pass --device cpu or auto."
        )
    if problem is None or problem.startswith(NO_DRIVER):  # as on most laptops
        return engine, "cpu", ()
    return engine, "cpu", (f"The GPU is not used: {problem}.",)


def _start_on_cuda(data: bytes, threads: int, index: int) -> tuple[OrtSession, tuple[str, ...]]:
    """Open a model on a GPU and check that it runs there; DeviceError has the reason if not."""
    cuda = {
        "device_id": index,
        "use_tf32": 0,  # compute in full float32, as the report says
        "cudnn_conv_algo_search": "HEURISTIC",  # milliseconds a shape instead of half a second
        "arena_extend_strategy": "kSameAsRequested",
    }
    try:
        with _without_logging():
            _onnxruntime.preload_dlls()  # CUDA libraries installed by pip
            entries = {"session.record_ep_graph_assignment_info": "1"}
            engine = _create_session(data, threads, ((CUDA, cuda), CPU), entries)
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise DeviceError(first_line(error)) from error
    if engine.get_providers()[0] != CUDA:
        raise DeviceError("its libraries do not load; install them: pip install 'srgan-gp[gpu]'")
    nodes = Counter[str]()
    for part in engine.get_provider_graph_assignment_info():
        nodes[part.ep_name] += len(part.get_nodes())
    if not nodes[CUDA]:
        raise DeviceError("ONNX Runtime runs no operation of the model on it")
    elsewhere = nodes.total() - nodes[CUDA]
    note = f"{elsewhere} of the model's {nodes.total()} operations run on the CPU."
    return engine, (note,) if elsewhere else ()


def _create_session(
    data: bytes,
    threads: int,
    providers: Sequence[Any] = (CPU,),
    entries: Mapping[str, str] | None = None,
) -> Any:  # noqa: ANN401 - ONNX Runtime has no type hints
    options = _onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = SILENT
    # Threads that spin while waiting slow down the threads that read and write images.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = list(providers) != [CPU]  # it doubles the memory of tiles
    for name, value in (entries or {}).items():
        options.add_session_config_entry(name, value)
    return _onnxruntime.InferenceSession(data, options, providers=[*providers], enable_fallback=0)


@contextlib.contextmanager
def _without_logging() -> Generator[None]:
    """Suppress output of ONNX Runtime while a GPU is tried; the result is reported in `notes`."""
    _onnxruntime.set_default_logger_severity(SILENT)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        _onnxruntime.set_default_logger_severity(WARNINGS)
