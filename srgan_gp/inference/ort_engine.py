"""Opening of a model with ONNX Runtime on the CPU or a GPU, and the check which device runs it.

An engine is a session of ONNX Runtime. A provider is ONNX Runtime's implementation for a kind of
device; a session has a list of providers, and each operation runs on the first that supports it.
"""

import contextlib
import io
import os
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from typing import Any, cast

# ONNX Runtime reads this variable when it is imported. Without the variable, it stores an
# identifier and events in the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

from srgan_gp.errors import DeviceError, ModelRefusedError
from srgan_gp.inference.cuda_driver import NO_DRIVER
from srgan_gp.inference.devices import GPU_KINDS, DeviceRequest, why_no_gpu
from srgan_gp.inference.runtime_types import OrtSession, first_line

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
SILENT, WARNINGS = 4, 2  # log levels of ONNX Runtime: fatal errors, and its default
DISABLED_OPTIMIZERS = ["NhwcTransformer"]
"""Optimisations that are not used. This one changes the memory layout for int8 convolutions, which
gains nothing, and leaves conversions of the layout between them."""

_onnxruntime = cast(Any, onnxruntime)  # has no type hints


def start_engine(
    data: bytes, name: str, request: DeviceRequest, threads: int, *, is_float16: bool = False
) -> tuple[OrtSession, str, tuple[str, ...]]:
    """Open a model on a device.

    Args:
        data: bytes of the ONNX file.
        name: name of the model, for messages.
        request: the device.
        threads: CPU threads.
        is_float16: whether the model computes in float16.

    Returns:
        ONNX Runtime's session; the device, `cpu` or `cuda:N`, also with TensorRT; and messages for
        users, such as why a GPU is not used.

    Raises:
        ModelRefusedError: ONNX Runtime cannot load the model.
        DeviceError: the requested GPU cannot be used.
    """
    # Why a GPU cannot be used; None: one was found, or only the CPU was requested.
    problem = None if request.kind == "cpu" else why_no_gpu(request.index)
    if request.kind != "cpu" and problem is None:
        try:
            engine, notes = _start_on_gpu(data, threads, request, is_float16=is_float16)
        except DeviceError as error:
            problem = str(error)
        else:
            return engine, f"cuda:{request.index}", notes
    # The model is opened on the CPU even if a requested GPU is missing: a model that cannot be
    # loaded is reported first.
    try:
        engine = create_session(data, threads)
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise ModelRefusedError(
            f"The model {name} cannot be loaded: {first_line(error)}."
        ) from error
    if request.kind in GPU_KINDS:  # not "cpu" or "auto"
        raise DeviceError(
            f"The device {request.kind}:{request.index} cannot be used: {problem}. Choose the "
            "device cpu or auto."
        )
    if problem is None or problem.startswith(NO_DRIVER):  # A missing driver needs no message.
        return engine, "cpu", ()
    return engine, "cpu", (f"The GPU is not used: {problem}.",)


def _start_on_gpu(
    data: bytes, threads: int, request: DeviceRequest, *, is_float16: bool
) -> tuple[OrtSession, tuple[str, ...]]:
    """Open a model on a GPU and check that it runs there.

    Returns:
        ONNX Runtime's session, and a message if some operations run on the CPU.

    Raises:
        DeviceError: with the reason why the GPU is not used, without a full stop.
    """
    providers = _gpu_providers(request, is_float16=is_float16)
    wanted = providers[0][0]  # name of the requested provider
    try:
        with _without_logging():
            _onnxruntime.preload_dlls()  # CUDA libraries installed by pip
            # Needed by `get_provider_graph_assignment_info` below.
            entries = {"session.record_ep_graph_assignment_info": "1"}
            engine = create_session(data, threads, (*providers, CPU), entries)
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise DeviceError(first_line(error)) from error
    if engine.get_providers()[0] != wanted:
        install = "them: pip install 'srgan-gp[gpu]'" if wanted == CUDA else "TensorRT 10"
        raise DeviceError(f"its libraries do not load; install {install}")
    operations = Counter[str]()  # number by provider
    for part in engine.get_provider_graph_assignment_info():
        operations[part.ep_name] += len(part.get_nodes())
    if not operations[wanted]:
        raise DeviceError("ONNX Runtime runs no operation of the model on it")
    if operations[CPU] == 0:
        return engine, ()
    note = f"{operations[CPU]} of the model's {operations.total()} operations run on the CPU."
    return engine, (note,)


def _gpu_providers(
    request: DeviceRequest, *, is_float16: bool
) -> list[tuple[str, dict[str, int | str]]]:
    """Return (name, options) of each provider for a GPU, the requested provider first."""
    cuda: dict[str, int | str] = {
        "device_id": request.index,
        "use_tf32": 0,  # compute in full float32, as the report says
        "cudnn_conv_algo_search": "HEURISTIC",  # milliseconds a shape instead of half a second
        "arena_extend_strategy": "kSameAsRequested",  # no more memory than needed
        "prefer_nhwc": int(is_float16),  # the layout of the GPU's float16 matrix units
        "fuse_conv_bias": 1,  # the convolution adds its bias
    }
    if request.kind != "tensorrt":
        return [(CUDA, cuda)]
    tensorrt: dict[str, int | str] = {
        "device_id": request.index,
        "trt_fp16_enable": int(is_float16),
    }
    return [(TENSORRT, tensorrt), (CUDA, cuda)]


def create_session(
    data: bytes,
    threads: int,
    providers: Sequence[Any] = (CPU,),
    entries: Mapping[str, str] | None = None,
) -> Any:  # noqa: ANN401 - ONNX Runtime has no type hints
    """Create ONNX Runtime's session without fallback to another provider.

    Args:
        data: bytes of the ONNX file.
        threads: CPU threads.
        providers: names of providers, or (name, options), in order of priority.
        entries: entries of ONNX Runtime's configuration of the session, besides those set here.

    Returns:
        `onnxruntime.InferenceSession`.

    Raises:
        Exception: of any kind, if the model cannot be loaded or a provider cannot be used.
    """
    options = _onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = SILENT
    # Threads that spin while waiting slow down the threads that read and write images.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # On a CPU, planning of the memory for each shape doubles the memory of tiles.
    options.enable_mem_pattern = list(providers) != [CPU]
    for name, value in (entries or {}).items():
        options.add_session_config_entry(name, value)
    return _onnxruntime.InferenceSession(
        data,
        options,
        providers=list(providers),
        enable_fallback=0,
        disabled_optimizers=DISABLED_OPTIMIZERS,
    )


@contextlib.contextmanager
def _without_logging() -> Generator[None]:
    """Suppress output of ONNX Runtime while a GPU is tried; failures are reported as messages.

    ONNX Runtime logs, and `preload_dlls` prints on stdout. Afterwards the default log level is set,
    because the previous one cannot be read.
    """
    _onnxruntime.set_default_logger_severity(SILENT)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        _onnxruntime.set_default_logger_severity(WARNINGS)
