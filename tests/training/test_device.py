"""Where a run computes and in which precision: facts of the rules, without the hardware."""

import pytest
import torch

from srgan_gp.errors import TrainingError, UsageError
from srgan_gp.training import device
from srgan_gp.training.device import (
    choose_device,
    choose_precision,
    describe_machine,
    explain_memory_error,
    open_autocast,
)
from srgan_gp.training.options.config import TrainConfig

CPU = torch.device("cpu")


@pytest.mark.parametrize(("has_gpu", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_the_gpu_where_there_is_one(monkeypatch, has_gpu, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: int(has_gpu))
    assert choose_device("auto") == torch.device(expected)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "", "mps"])
def test_a_name_that_is_no_device_is_named(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 9)
    with pytest.raises(UsageError, match=f"no device {name!r}"):
        choose_device(name)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu sse2 avx2 avx512f avx512_bf16 avx512_fp16", "bf16"),
        ("fpu sse2 avx2 amx_bf16 amx_tile amx_int8", "bf16"),
        ("fpu sse2 avx2", "fp32"),
        ("fpu sse2 avx2 avx512f avx512_vnni", "fp32"),
        ("fpu sse2 avx2 amx_tile amx_int8", "fp32"),
        ("fpu sse2 avx2 no_avx512_bf16_here", "fp32"),
    ],
)
def test_auto_is_bf16_on_a_cpu_with_instructions_for_it(monkeypatch, tmp_path, flags, expected):
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text(f"processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: {flags}\n")
    monkeypatch.setattr(device, "CPU_INFO", cpu_info)
    monkeypatch.setattr(device, "bf16_speedup", lambda: 2.0)
    assert choose_precision("auto", CPU) == expected
    assert choose_precision("fp32", CPU) == "fp32"
    assert choose_precision("bf16", CPU) == "bf16"


def test_auto_is_fp32_on_a_cpu_that_is_slower_in_bf16(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("flags\t\t: avx2 avx512_bf16\n")
    monkeypatch.setattr(device, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(device, "bf16_speedup", lambda: 0.7)
    assert choose_precision("auto", CPU) == "fp32"


def test_the_measured_speedup_is_a_ratio_of_two_times():
    assert 0.001 < device.bf16_speedup(repeats=1) < 1000


def test_auto_is_fp32_on_a_system_that_does_not_list_instructions(monkeypatch, tmp_path):
    monkeypatch.setattr(device, "CPU_INFO", tmp_path / "missing")
    assert choose_precision("auto", CPU) == "fp32"


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", None)])
def test_inside_the_context_convolutions_have_the_precision(precision, dtype):
    network = torch.nn.Conv2d(1, 1, 1)
    with open_autocast(precision, CPU):
        assert network(torch.ones(1, 1, 2, 2)).dtype == (dtype or torch.float32)


def test_the_description_of_a_machine_has_all_that_its_results_depend_on():
    machine = describe_machine(CPU)
    assert machine["PyTorch"] == torch.__version__
    assert machine["threads"] == torch.get_num_threads()
    assert str(machine["device"]).startswith("CPU with ")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("CUDA error: out of memory"),
    ],
    ids=repr,
)
def test_a_memory_too_small_is_one_message(error):
    raised = pytest.raises(TrainingError, match=r"memory of cpu .* batches of 9\.")
    with raised, explain_memory_error(TrainConfig(batch_size=9), CPU):
        raise error


def test_what_pytorch_says_of_a_cpu_without_memory_is_known():
    with pytest.raises(TrainingError), explain_memory_error(TrainConfig(), CPU):
        torch.empty(2**60, dtype=torch.uint8)


def test_other_errors_are_not_about_memory():
    with pytest.raises(RuntimeError, match="shapes"), explain_memory_error(TrainConfig(), CPU):
        raise RuntimeError("the shapes differ")
