"""Checks that need a CUDA GPU: parity with the CPU, proof of the provider, memory that runs out."""

import numpy as np
import pytest

from srgan_gp.inference.session import Session
from srgan_gp.inference.upscaler import Upscaler

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def pixels():
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    return np.kron(noise, np.ones((16, 16, 1), np.uint8))  # flat squares with sharp edges


@pytest.fixture(scope="module")
def expected(pixels):
    return Upscaler.load("photo-x4", device="cpu").upscale(pixels).astype(int)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_results_equal_those_of_the_cpu_but_for_one_level(pixels, expected, precision):
    upscaler = Upscaler.load("photo-x4", device="cuda", precision=precision)
    difference = np.abs(upscaler.upscale(pixels) - expected)
    assert (difference <= 1).mean() >= 0.999
    assert upscaler.report.precision == precision
    assert upscaler.report.provider == "CUDAExecutionProvider"


def test_the_gpu_runs_the_operations():
    opened = Session.open("photo-x4", device="cuda")
    parts = opened._engine.get_provider_graph_assignment_info()
    counts = {part.ep_name: len(part.get_nodes()) for part in parts}
    assert counts["CUDAExecutionProvider"] > 20


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_window_beyond_the_memory_is_halved(precision):
    pixels = np.zeros((6000, 60_000, 3), np.uint8)
    upscaler = Upscaler.load("photo-x4", device="cuda", precision=precision)
    assert upscaler.upscale(pixels, tile=60_000)[0, 0, 0] <= 1
    assert any("memory ran out" in warning for warning in upscaler.report.warnings)
