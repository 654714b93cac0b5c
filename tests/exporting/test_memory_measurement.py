import sys

import pytest

from srgan_gp.exporting import memory_measurement
from srgan_gp.exporting.memory_measurement import measure_bytes_per_pixel


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("width", [32, 96])
def test_the_memory_of_a_convolution_is_that_of_its_maps(tiny_model, onnx_models, width):
    """At the second convolution, its input and its output are alive, of `width` floats a pixel."""
    path = tiny_model(model=onnx_models.convolutional(width=width), bytes_per_pixel="1")
    maps = 2 * 4 * width
    assert maps <= measure_bytes_per_pixel(path) < 1.5 * maps + 60


def test_a_process_that_fails_measures_nothing(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    assert measure_bytes_per_pixel(tmp_path / "broken.onnx") is None


def test_a_system_that_does_not_tell_measures_nothing(tiny_model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(memory_measurement, "_STATUS", tmp_path / "missing")
    assert memory_measurement._main(tiny_model()) == 1
    assert capsys.readouterr().out == ""
