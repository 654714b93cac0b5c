"""Driver, GPUs, CPU and the CUDA part of ONNX Runtime."""

import sys
from pathlib import Path

import onnxruntime
import pytest

from srgan_gp.diagnosis import machine
from srgan_gp.inference import cuda_driver
from srgan_gp.inference.cuda_driver import Gpu, read_gpu

GIB = 2**30


def test_the_gpus_of_a_driver_are_described(fake_driver):
    driver = fake_driver(count=2, version=12040)
    facts = machine.describe_gpus()
    assert (facts["driver_cuda"], facts["problem"]) == ("12.4", None)
    assert [gpu["name"] for gpu in facts["gpus"]] == ["Fake GPU 0", "Fake GPU 1"]
    assert facts["gpus"][0]["compute_capability"] == "9.0"
    assert facts["gpus"][1]["free_memory"] == 60 * GIB
    assert driver.contexts == 0  # each retained context was released


def test_a_driver_without_gpus_says_so(fake_driver):
    fake_driver(count=0, status=100)
    facts = machine.describe_gpus()
    assert facts["gpus"] == []
    assert "no usable GPU (CUDA error 100)" in facts["problem"]


def test_a_gpu_whose_memory_cannot_be_read_is_none(fake_driver, monkeypatch):
    driver = fake_driver()
    monkeypatch.setattr(driver, "cuMemGetInfo_v2", lambda free, total: 2)
    assert machine.describe_gpus()["gpus"] == [None]
    assert driver.contexts == 0


def test_a_gpu_beyond_the_last_is_none(fake_driver):
    fake_driver(count=1)
    assert isinstance(read_gpu(0), Gpu)
    assert read_gpu(1) is None


def test_without_a_driver_no_gpu_is_read(monkeypatch):
    def missing(name):
        raise OSError

    monkeypatch.setattr(cuda_driver.ctypes, "CDLL", missing)
    cuda_driver.find_driver.cache_clear()
    try:
        assert read_gpu(0) is None
    finally:
        cuda_driver.find_driver.cache_clear()


def test_the_imported_build_of_onnxruntime_is_named():
    facts = machine.describe_onnxruntime()
    assert facts["version"] == onnxruntime.__version__
    assert facts["build"].startswith("onnxruntime")
    assert "CPUExecutionProvider" in facts["providers"]
    assert facts["import_problem"] is None


def test_a_library_that_does_not_load_is_named(monkeypatch):
    loaded = []

    def load(name, **options):
        loaded.append(Path(name).name)
        if len(loaded) == 2:
            raise OSError("libcurand.so.10: cannot open shared object file")

    monkeypatch.setattr(machine.ctypes, "CDLL", load)
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None, raising=False)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    assert machine.describe_onnxruntime()["cuda_problem"].startswith("libcurand.so.10")
    assert [name.partition("providers_")[2].split(".")[0] for name in loaded] == ["shared", "cuda"]


def test_an_onnxruntime_that_cannot_be_imported_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    facts = machine.describe_onnxruntime()
    assert facts["import_problem"].startswith("ModuleNotFoundError")
    assert facts["version"] is None


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx2 avx512_vnni sse", ["avx2", "avx512_vnni"]), ("fpu", [])],
)
def test_instruction_sets_are_those_of_linux(monkeypatch, flags, expected):
    monkeypatch.setattr(machine, "_cpu_info", lambda key: flags if key == "flags" else "")
    assert machine.describe_cpu()["instruction_sets"] == expected


def test_elsewhere_instruction_sets_are_those_that_numpy_prints(monkeypatch):
    monkeypatch.setattr(machine, "_cpu_info", lambda key: "")
    cpu = machine.describe_cpu()
    assert cpu["instruction_sets"]
    assert all(isinstance(name, str) for name in cpu["instruction_sets"])
    assert cpu["name"]
