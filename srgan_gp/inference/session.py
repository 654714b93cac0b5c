"""`Session`: opens an ONNX model, checks its device and runs it; the one user of ONNX Runtime."""

import contextlib
import io
import os
from collections import Counter
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

# Read when ONNX Runtime loads: without it an identifier and a queue of events are stored at home.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

from srgan_gp.errors import Cancelled, DeviceError, ModelRefusedError, SrganGpError
from srgan_gp.inference.devices import DeviceRequest, choose_threads, parse_device, why_no_gpu
from srgan_gp.inference.loading.model_files import read_model
from srgan_gp.inference.loading.model_info import ModelInfo, check_contract, read_metadata
from srgan_gp.inference.onnx_runtime import OrtSession, first_line, run_ort_session
from srgan_gp.inference.tiling.tiles import Floats

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
SILENT, WARNINGS = 4, 2  # ONNX Runtime's log levels; it has no way to ask for the present one

_onnxruntime = cast(Any, onnxruntime)  # comes without types


class Session:
    """A model ready to run; `Session.open` makes one."""

    info: ModelInfo
    device: str
    """`cpu` or `cuda:N`: where the model runs, proved after loading."""
    provider: str
    """ONNX Runtime's name for it."""
    notes: tuple[str, ...]
    """Sentences: why `auto` chose the device, what was measured on a model without metadata."""

    def __init__(
        self, engine: OrtSession, info: ModelInfo, device: str = "cpu", notes: tuple[str, ...] = ()
    ) -> None:
        self._engine = engine
        self.info = info
        self.device = device
        self.provider = str(engine.get_providers()[0])
        self.notes = notes
        self._shrinks_arena = False
        self._under_way: set[Any] = set()  # ONNX Runtime's options of the runs at hand

    @classmethod
    def open(
        cls,
        model: str | Path,
        *,
        device: str = "auto",
        threads: int | None = None,
        fidelity: float | None = None,
    ) -> "Session":
        """Load a model by name or path.

        What `read_model` has verified is what is loaded. A model without our metadata is measured.

        Args:
            model: what `find_model` takes.
            device: `cpu`; `cuda` or `cuda:N`, which fail where that GPU cannot be used; or `auto`,
                which takes the first GPU if it can be used and says in `notes` what it took.
            threads: CPU threads; None means one for each CPU this process may use.
            fidelity: share, 0 to 1, of the weights of the model's fidelity partner; None takes the
                model as it is, whether it has a partner or not.

        Raises:
            ModelRefusedError: there is no such model, its bytes are not the ones on its card, it
                breaks the contract, or it cannot be mixed with its partner.
            DeviceError: the GPU asked for cannot be used.
            UsageError: `device` or `fidelity` is not one of the above, the model has no partner, or
                there are far too many threads.
        """
        request = parse_device(device)
        threads = choose_threads(threads)
        source = read_model(model, fidelity)
        data, name = source.data, source.name
        engine, used, notes = _start(data, name, request, threads)
        metadata = engine.get_modelmeta().custom_metadata_map
        info = read_metadata(metadata, name, source.sha256)
        check_contract(engine.get_inputs(), engine.get_outputs(), name, info)
        if info is None:
            cpu_engine = engine if used == "cpu" else _start_on_cpu(data, threads)
            info = _measure(cpu_engine, data, name, source.sha256)
            notes = (*notes, info.measured_note)
        if fidelity is not None:
            info = replace(info, name=name, fidelity=fidelity)
        return cls(engine, info, used, notes)

    def run(self, inputs: Floats) -> Floats:
        """Enlarge pictures, or make faces of latents.

        Args:
            inputs: (N, 3, H, W), float32, RGB in [0, 1]; or (N, latent_size), float32.

        Returns:
            (N, 3, H * scale, W * scale), or (N, 3, image_size, image_size); float32, not clipped.

        Raises:
            MemoryError: the device has too little memory for this size.
            DeviceError: the GPU failed.
            ModelRefusedError: the model cannot take this size.
            Cancelled: `cancel` was called meanwhile.
        """
        options = self._run_options()
        self._under_way.add(options)
        try:
            return run_ort_session(self._engine, inputs, self.info.name, options)
        except MemoryError:
            # From now on, what a run has used goes back to the system when it ends.
            self._shrinks_arena = True
            raise
        except SrganGpError:
            if options.terminate:
                raise Cancelled(f"The run of {self.info.name} was cancelled.") from None
            raise
        finally:
            self._under_way.discard(options)

    def cancel(self) -> None:
        """End all runs under way, if there are any, at their next operation; from any thread."""
        for options in tuple(self._under_way):
            options.terminate = True

    def _run_options(self) -> Any:  # noqa: ANN401 - ONNX Runtime comes without types
        options = _onnxruntime.RunOptions()
        if self._shrinks_arena:
            arena = "cpu:0" if self.device == "cpu" else self.device.replace("cuda", "gpu")
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", arena)
        return options


def _measure(cpu_engine: OrtSession, data: bytes, name: str, digest: str) -> ModelInfo:
    from srgan_gp.inference.loading import foreign_models

    graph = foreign_models.parse_safely(data, name)
    return foreign_models.measure(
        lambda images: run_ort_session(cpu_engine, images, name), graph, name, digest
    )


def _start(
    data: bytes, name: str, request: DeviceRequest, threads: int
) -> tuple[OrtSession, str, tuple[str, ...]]:
    """Make an engine on the device asked for: engine, device, and why `auto` chose it."""
    problem = None
    if request.kind != "cpu":
        try:
            engine, notes = _start_on_cuda(data, threads, request.index)
        except DeviceError as error:
            problem = str(error)
        else:
            device = f"cuda:{request.index}"
            chosen = (f"auto chose {device}.",) if request.kind == "auto" else ()
            return engine, device, (*chosen, *notes)
    try:
        engine = _start_on_cpu(data, threads)
    except Exception as error:  # ONNX Runtime's exceptions share no base
        raise ModelRefusedError(
            f"The model {name} cannot be loaded: {first_line(error)}."
        ) from error
    if request.kind == "cuda":
        raise DeviceError(
            f"The device cuda:{request.index} cannot be used: {problem}. Pass --device cpu or auto."
        )
    return engine, "cpu", (f"auto chose the CPU: {problem}.",) if problem else ()


def _start_on_cpu(data: bytes, threads: int) -> OrtSession:
    return _onnxruntime.InferenceSession(
        data, _options(threads), providers=[CPU], enable_fallback=0
    )


def _start_on_cuda(data: bytes, threads: int, index: int) -> tuple[OrtSession, tuple[str, ...]]:
    """Make an engine and prove that it runs on a GPU; DeviceError says why it does not."""
    if problem := why_no_gpu(index):
        raise DeviceError(problem)
    options = _options(threads)
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    cuda = {
        "device_id": index,
        "use_tf32": 0,  # so that "float32" in a report is true
        "cudnn_conv_algo_search": "HEURISTIC",  # milliseconds a shape, not half a second
        "arena_extend_strategy": "kSameAsRequested",
    }
    try:
        with _quiet():
            _onnxruntime.preload_dlls()  # CUDA libraries that pip installed
            engine = _onnxruntime.InferenceSession(
                data, options, providers=[(CUDA, cuda), CPU], enable_fallback=0
            )
    except Exception as error:  # ONNX Runtime's exceptions share no base
        raise DeviceError(first_line(error)) from error
    if engine.get_providers()[0] != CUDA:
        raise DeviceError("its libraries do not load; install them: pip install 'srgan-gp[gpu]'")
    nodes = Counter[str]()
    for part in engine.get_provider_graph_assignment_info():
        nodes[part.ep_name] += len(part.get_nodes())
    if not nodes[CUDA]:
        raise DeviceError("ONNX Runtime put no part of the model on it")
    elsewhere = nodes.total() - nodes[CUDA]
    note = f"{elsewhere} of the model's {nodes.total()} operations run on the CPU."
    return engine, (note,) if elsewhere else ()


def _options(threads: int) -> Any:  # noqa: ANN401 - ONNX Runtime comes without types
    options = _onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = SILENT
    # A thread that waits by spinning takes its core from whoever reads and writes beside it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Keep ONNX Runtime from printing while a GPU is tried; the outcome is told in one sentence."""
    _onnxruntime.set_default_logger_severity(SILENT)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        _onnxruntime.set_default_logger_severity(WARNINGS)
