"""Device, precision and threads of a training run, and its error when the memory is too small."""

import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import torch

from srgan_gp.errors import DeviceError, TrainingError, UsageError
from srgan_gp.training.options.config import TrainConfig

CPU_INFO = Path("/proc/cpuinfo")
"""File in which Linux lists the instructions of the CPU; other systems do not have it."""
BF16_INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16"})
"""Instructions that multiply in bf16; without them a CPU converts each value and is slower."""
MIN_SPEEDUP = 1.1
"""On a CPU the precision `auto` becomes bf16 if bf16 is faster than float32 by more than this
factor. A smaller factor could be noise of the measurement; bf16 has fewer digits than float32."""
_OUT_OF_MEMORY = re.compile("out of memory|allocate memory")
"""Part of the message of PyTorch's error on CUDA, and on the CPU. The message is checked, because
the error on the CPU is a plain RuntimeError."""


def choose_device(name: str) -> torch.device:
    """Choose the device of a run: `auto` is the first GPU, else the CPU.

    Raises:
        DeviceError: the GPU of that name does not exist.
        UsageError: the name is not auto, cpu, cuda or cuda:N.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, colon, number = name.partition(":")
    # A colon has to be followed by a number N; without a colon `number` is empty.
    if kind not in ("cpu", "cuda") or bool(colon) != number.isdecimal():
        raise UsageError(f"There is no device {name!r}; use auto, cpu, cuda or cuda:N.")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"{name} was asked for, but PyTorch sees {torch.cuda.device_count()} CUDA devices."
        )
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> str:
    """Choose the precision of a run: `auto` is bf16 where it is faster, else fp32.

    bf16 is taken to be faster on a GPU that supports it. On a CPU it is measured, if Linux lists
    AVX512-BF16 or AMX-BF16; other CPUs use fp32.

    Args:
        name: auto, fp32 or bf16.
        device: device of the networks.

    Returns:
        fp32 or bf16; `name` itself if it is not auto.
    """
    if name != "auto":
        return name
    return "bf16" if _is_faster_in_bf16(device) else "fp32"


@contextmanager
def cpu_threads(count: int | None) -> Generator[None]:
    """Set PyTorch's number of CPU threads inside the block, and restore it; None: no change."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def open_autocast(precision: str, device: torch.device) -> torch.autocast:
    """Return the autocast context in which networks run.

    bf16 has float32's range, so no gradient scaler is needed; weights, optimiser and loss stay in
    float32. With fp32 the context has no effect.

    Args:
        precision: fp32 or bf16.
        device: device of the networks.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


@contextmanager
def explain_memory_error(config: TrainConfig, device: torch.device) -> Generator[None, None, None]:
    """Turn an out-of-memory error of NumPy or PyTorch inside the block into a `TrainingError`.

    Raises:
        TrainingError: with the batch size and what to reduce.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error))):
            raise
        raise TrainingError(
            f"The memory of {device} is too small for batches of {config.batch_size}. Saved files "
            "are not damaged. Start again in another folder with a smaller batch_size, smaller "
            "images or a smaller network."
        ) from error


def describe_machine(device: torch.device) -> dict[str, str | int]:
    """Return what the bits of a run's result depend on beside its options and images.

    Returns:
        `PyTorch`, its version; `device`, name of the GPU or instruction set of the CPU; `threads`,
        their number.
    """
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"CPU with {torch.backends.cpu.get_cpu_capability()}"
    return {"PyTorch": torch.__version__, "device": name, "threads": torch.get_num_threads()}


def _is_faster_in_bf16(device: torch.device) -> bool:
    """Return whether bf16 is faster, as described in `choose_precision`; a CPU is measured."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        words = CPU_INFO.read_text().split()
    except OSError:  # not Linux
        return False
    has_instructions = not BF16_INSTRUCTIONS.isdisjoint(words)
    return has_instructions and bf16_speedup() > MIN_SPEEDUP


def bf16_speedup(repeats: int = 5) -> float:
    """Measure how many times faster this CPU trains a convolution in bf16 than in float32.

    The two precisions take turns, and the CPU time of the fastest repeat of each counts, so that
    other programs hardly change the result. The measurement takes about half a second.

    Args:
        repeats: measurements of each precision; more take longer, fewer are disturbed more easily.
    """
    # The channels of the generator srresnet and the smallest LR patch, both by default.
    convolution = torch.nn.Conv2d(48, 48, 3, padding=1).to(memory_format=torch.channels_last)
    images = torch.ones(8, 48, 24, 24).to(memory_format=torch.channels_last)
    seconds: dict[str, list[float]] = {"fp32": [], "bf16": []}
    for _ in range(repeats + 1):
        for precision, times in seconds.items():
            start = time.process_time()
            with open_autocast(precision, images.device):
                output = convolution(convolution(images))
            output.float().mean().backward()
            times.append(time.process_time() - start)
    # The first round, which prepares the kernels, does not count.
    fp32, bf16 = (min(times[1:]) for times in seconds.values())
    return fp32 / max(bf16, 1e-9)  # avoids a division by 0
