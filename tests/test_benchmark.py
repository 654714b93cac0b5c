import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "benchmark.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(benchmark, capsys, *arguments):
    assert benchmark.main([*map(str, arguments), "--json", "--repeats", "1"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_yardstick_is_edsr_baseline_in_shape(benchmark):
    import onnx

    model = onnx.load_model_from_string(benchmark.build_yardstick())
    onnx.checker.check_model(model)
    assert sum(np.prod(weight.dims) for weight in model.graph.initializer) == 1_517_571
    kinds = [node.op_type for node in model.graph.node]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "Conv": 2 * 16 + 5, "Relu": 16, "Add": 17, "DepthToSpace": 2,
    }  # fmt: skip
    result = benchmark.open_yardstick(1)(np.zeros((1, 3, 9, 7), np.float32))
    assert result.shape == (1, 3, 36, 28)


def test_a_tiny_model_takes_a_fraction_of_the_yardstick(benchmark, capsys, tiny_model):
    values = run(benchmark, capsys, "network", tiny_model(), "--side", 64)
    assert values["ratio"] == values["model_seconds"] / values["yardstick_seconds"]
    assert values["ratio"] < 0.5
    assert 10 < values["peak_memory_mb"] < 1000


def test_startup_times_add_up(benchmark, capsys, tiny_model, tmp_path):
    picture = tmp_path / "picture.jpg"
    Image.new("RGB", (30, 20)).save(picture)
    values = run(benchmark, capsys, "startup", "--model", tiny_model(), "--picture", picture)
    assert 0 < values["bare_python_seconds"] < values["first_picture_seconds"]
    assert values["first_picture_above_network_seconds"] == pytest.approx(
        values["first_picture_seconds"] - values["network_seconds"]
    )


def test_times_are_printed_for_people_too(benchmark, capsys, tiny_model):
    benchmark.main(["network", str(tiny_model()), "--side", "16", "--repeats", "1"])
    assert "ratio: 0." in capsys.readouterr().out
