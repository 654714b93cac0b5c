import asyncio
import importlib.util
import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from srgan_gp.errors import DeviceError
from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@pytest.fixture(scope="module")
def benchmark():
    """The script, with its folder on `sys.path`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        spec = importlib.util.spec_from_file_location("benchmark", SCRIPTS / "benchmark.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    for name in [name for name in sys.modules if name.startswith("benchmarks")]:
        del sys.modules[name]


def run(benchmark, capsys, *arguments):
    assert benchmark.main([*map(str, arguments), "--json", "--repeats", "1"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("benchmark")
def test_the_reference_network_has_the_shape_of_edsr_baseline():
    import onnx
    from benchmarks.reference_network import build_reference, open_reference

    model = onnx.load_model_from_string(build_reference())
    onnx.checker.check_model(model)
    assert sum(np.prod(weight.dims) for weight in model.graph.initializer) == 1_517_571
    kinds = [node.op_type for node in model.graph.node]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "Conv": 2 * 16 + 5, "Relu": 16, "Add": 17, "DepthToSpace": 2,
    }  # fmt: skip
    result = open_reference(1)(np.zeros((1, 3, 9, 7), np.float32))
    assert result.shape == (1, 3, 36, 28)


def test_a_model_is_timed_relative_to_the_reference(benchmark, capsys, tiny_model):
    values = run(benchmark, capsys, "network", tiny_model(), "--side", 64)
    assert values["ratio"] == values["model_seconds"] / values["reference_seconds"]
    assert min(values["model_seconds"], values["reference_seconds"]) > 0
    assert 10 < values["peak_memory_mb"] < 1000


def test_an_imported_network_is_compared_and_timed(benchmark, capsys, monkeypatch):
    monkeypatch.setattr("srgan_gp.importing.measurements.TIMED_SIDES", (40,))
    values = run(benchmark, capsys, "imports", "--architectures", "Compact x2")
    assert values["Compact x2: tiling"] == "exact"
    assert values["Compact x2: difference from PyTorch"] < 1e-5
    assert values["Compact x2: CPU seconds per megapixel"] > 0


def test_startup_times_add_up(benchmark, capsys, tiny_model, tmp_path):
    path = tmp_path / "image.jpg"
    Image.new("RGB", (30, 20)).save(path)
    values = run(benchmark, capsys, "startup", "--model", tiny_model(), "--image", path)
    assert min(values["bare_python_seconds"], values["first_image_seconds"]) > 0
    assert values["first_image_above_network_seconds"] == pytest.approx(
        values["first_image_seconds"] - values["network_seconds"]
    )


def test_a_run_is_compared_with_its_network_and_with_a_loop(benchmark, capsys, tiny_model):
    values = run(benchmark, capsys, "batch", "--model", tiny_model(), "--images", 2)
    assert values["network_over_run"] == values["network_seconds"] / values["run_seconds"]
    assert values["network_over_run_cpu_time"] > 0
    assert values["loop_over_run"] == values["loop_seconds"] / values["run_seconds"]
    assert values["cheap_network_seconds"] > 0
    assert values["cheap_network_over_network"] > 0


@pytest.mark.usefixtures("benchmark")
def test_the_cheap_network_has_the_given_scale(tmp_path):
    from benchmarks.cheap_network import build_cheap

    from srgan_gp.inference.upscaler import Upscaler

    (tmp_path / "cheap.onnx").write_bytes(build_cheap(4, scale=3))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    result = Upscaler.load(tmp_path / "cheap.onnx", device="cpu").upscale(pixels)
    assert result.shape == (24, 27, 3)
    assert np.abs(result[1::3, 1::3].astype(int) - pixels).mean() < 10


def test_the_memory_of_large_and_of_many_images_is_measured(benchmark, capsys, tiny_model):
    values = run(
        benchmark, capsys, "memory", "--model", tiny_model(), "--megapixels", 0.06,
        "--nearest-megapixels", 0.24, "--images", 4,
    )  # fmt: skip
    assert values["model_image"] == "300 x 200"
    assert values["nearest_image"] == "600 x 400"
    for name in ("model", "nearest"):
        assert 20 < values[f"{name}_rss_without_files_mib"] <= values[f"{name}_vmhwm_mib"] < 500
    first, last = (
        values[f"highest_rss_of_the_{part}_mib"] for part in ("first_tenth", "second_half")
    )
    assert 0 < first <= last < first + 50


def test_a_photo_is_timed_as_a_user_would_wait_for_it(benchmark, capsys, tiny_model):
    values = run(benchmark, capsys, "photo", "--model", tiny_model(), "--megapixels", 0.06)
    assert values["0.06 megapixels: size"] == "300 x 200"
    assert values["0.06 megapixels: seconds"] > 0
    assert values["0.06 megapixels: CPU seconds"] > 0
    assert 20 < values["0.06 megapixels: MiB"] < 500


def test_png_files_are_compared_with_other_encoders_and_versions(
    benchmark, capsys, tiny_model, tmp_path
):
    before = tmp_path / "srgan_gp"
    (before / "images").mkdir(parents=True)
    (before / "__init__.py").write_text("def Picture(*args, alpha): pass\n")
    encoder = "def encode_image(picture, file, format): file.write(bytes(1000))\n"
    (before / "images" / "__init__.py").write_text(encoder)
    values = run(
        benchmark, capsys, "png", "--model", tiny_model(), "--megapixels", 0.06,
        "--before", tmp_path,
    )  # fmt: skip
    for name in ("photo", "grey", "alpha", "16-bit", "drawing"):
        ours = values[f"{name}: png: bytes"]
        assert values[f"{name}: png before: bytes"] == 1000
        assert values[f"{name}: size over png before"] == ours / 1000
        ratio = ours / values[f"{name}: OpenCV, Paeth and runs: bytes"]
        assert values[f"{name}: size over OpenCV, Paeth and runs"] == ratio
        assert 0 < ratio < 1.1
        assert values[f"{name}: CPU time over OpenCV, Paeth and runs"] > 0
        assert values[f"{name}: tiff: bytes"] > 1000
    assert "photo: size over Pillow" in values
    assert "16-bit: size over Pillow" not in values


def test_the_windows_of_today_are_compared_with_squares(benchmark, capsys, tiny_model, monkeypatch):
    from benchmarks import tiling

    monkeypatch.setattr(tiling, "SIZES", ((70, 50), (300, 200), (3000, 2000)))
    monkeypatch.setattr(tiling, "estimate_bytes_per_pixel", lambda model: 2**30 // 10_000)
    path = tiny_model(bytes_per_pixel=str(3 * 2**28 // 10_000))
    values = run(benchmark, capsys, "tiling", "--model", path, "--timed-megapixels", 0.06)
    assert values["70 x 50: squares, CPU"] == values["70 x 50: rectangles, CPU"] == 1
    for size in ("300 x 200", "3000 x 2000"):
        for place in ("CPU", "GPU"):
            assert 1 <= values[f"{size}: rectangles, {place}"] < values[f"{size}: squares, {place}"]
    assert values["300 x 200: results are equal"]
    assert values["300 x 200: time of rectangles over squares"] > 0
    assert "3000 x 2000: results are equal" not in values


@pytest.mark.usefixtures("benchmark")
def test_large_images_are_timed_in_one_round(tiny_model, monkeypatch):
    from benchmarks import tiling

    monkeypatch.setattr(tiling, "SIZES", ((70, 50), (300, 200)))
    monkeypatch.setattr(tiling, "OFTEN_MEGAPIXELS", 0.01)
    monkeypatch.setattr(tiling, "_time", lambda session, size, windows, rounds: {"rounds": rounds})
    values = tiling.benchmark_tiling(str(tiny_model()), 0.06, threads=1, repeats=5)
    assert values["70 x 50: rounds"] == 5
    assert values["300 x 200: rounds"] == 1


@pytest.mark.usefixtures("benchmark")
def test_the_squares_are_those_of_earlier_versions():
    """Their memory of a pixel was stated as 1560 bytes, their budgets were 1 and 2 GiB."""
    from benchmarks.tiling import _old_tile

    old = {size: _old_tile(27, *size, 1560, on_gpu=False) for size in
           ((512, 512), (768, 1024), (3000, 4000), (100, 50_000))}  # fmt: skip
    assert old == {(512, 512): None, (768, 1024): 485, (3000, 4000): 737, (100, 50_000): 769}
    assert _old_tile(27, 512, 512, 1560, on_gpu=True) == 1024 - 2 * 27


def test_a_training_benchmark_describes_its_steps(benchmark, capsys):
    values = run(
        benchmark, capsys, "training", "--batch-size", 2, "--side", 16, "--device", "cpu",
        "--precision", "fp32", "--threads", torch.get_num_threads(),
    )  # fmt: skip
    assert values.pop("threads") == torch.get_num_threads()
    described = [values.pop(name) for name in ("device", "precision", "batch")]
    assert described == ["cpu", "fp32", "2 x 3 x 16 x 16"]
    assert list(values) == [
        "critic_step_without_penalty_seconds", "one_pass_over_without",
        "penalty_on_quarter_over_without", "penalty_on_half_over_without",
        "penalty_on_all_over_without", "generator_step_over_critic_step_without",
    ]  # fmt: skip
    assert min(values.values()) > 0


@pytest.mark.usefixtures("benchmark")
def test_the_penalty_is_on_the_given_part_of_the_batch():
    from benchmarks.training import HALF, NONE, WHOLE, Steps

    steps, seen = Steps(4, 16, "fp32", torch.device("cpu")), []
    steps.critic.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    for part in (NONE, HALF, WHOLE):
        steps.critic_step(part)
    assert seen == [4, 4, *[4, 4, 2], *[4, 4, 4]]


@pytest.mark.usefixtures("benchmark")
def test_each_step_updates_its_own_network_only():
    from benchmarks.training import WHOLE, Steps

    steps = Steps(2, 16, "fp32", torch.device("cpu"))
    networks = [steps.critic, steps.generator]
    for step, is_updated in ((lambda: steps.critic_step(WHOLE), [True, False]),
                           (steps.generator_step, [False, True])):  # fmt: skip
        before = [torch.cat([p.detach().flatten() for p in n.parameters()]) for n in networks]
        step()
        after = [torch.cat([p.detach().flatten() for p in n.parameters()]) for n in networks]
        assert [not torch.equal(*pair) for pair in zip(before, after, strict=True)] == is_updated


@pytest.mark.usefixtures("benchmark")
def test_a_ratio_is_the_median_over_rounds():
    from benchmarks.timing import median

    rounds = [{"a": 2.0, "b": 1.0}, {"a": 30.0, "b": 10.0}, {"a": 5.0, "b": 1.0}]
    assert median(rounds, "a") == 5.0
    assert median(rounds, "a", over="b") == 3.0  # of 2, 3 and 5; a slow round cancels


def test_wrong_arguments_are_reported(benchmark, capsys):
    assert benchmark.main(["network", "nothing-like-it"]) == 8
    assert capsys.readouterr().err.startswith("benchmark.py: error: There is no model 'nothing-")
    with pytest.raises(SystemExit, match="2"):
        benchmark.main(["network", "classic-x4", "--repeats", "0"])
    assert "need a whole number of 1 or more, not 0" in capsys.readouterr().err
    assert benchmark.main(["photo", "--repeats", "3"]) == 2
    assert "The benchmark photo measures once; leave out --repeats." in capsys.readouterr().err


def test_times_are_printed_as_text(benchmark, capsys, tiny_model):
    benchmark.main(["network", str(tiny_model()), "--side", "16", "--repeats", "1"])
    assert "ratio: 0." in capsys.readouterr().out


def test_the_costs_of_all_penalties_are_relative_to_a_step_without_one(benchmark, capsys):
    found = run(
        benchmark, capsys, "penalties", "--batch-size", 2, "--side", 8, "--device", "cpu",
        "--threads", torch.get_num_threads(),
    )  # fmt: skip
    ratios = {name: value for name, value in found.items() if name in LIPSCHITZ_TERMS}
    assert ratios.keys() == LIPSCHITZ_TERMS.keys() - {"none"}
    assert all(value > 0 for value in ratios.values())
    assert "wgan_gp on half of the batch" in found


@pytest.mark.usefixtures("benchmark")
def test_the_functional_form_has_the_loss_of_the_usual_one():
    from benchmarks.penalties import CriticSteps

    steps = CriticSteps(2, 8, torch.device("cpu"))
    values = [
        loss(*steps.tensors)
        for loss in (steps.build_loss("wgan_gp"), steps.build_functional_loss())
    ]
    assert torch.allclose(*values)
    assert not torch.allclose(values[0], steps.build_loss("none")(*steps.tensors))


def test_the_precisions_of_a_gpu_are_compared(benchmark, capsys, tiny_model):
    words = ["gpu", tiny_model(), "--device", "cpu", "--megapixels", 0.01, "--threads", 1]
    values = run(benchmark, capsys, *words)
    for precision in ("float32", "float16"):
        assert values[f"cpu {precision}: provider"] == "CPUExecutionProvider"
        assert values[f"cpu {precision}: megapixels a second"] > 0
        assert values[f"cpu {precision}: share within 1 level"] >= 0.999


def test_without_a_gpu_the_benchmark_says_so(benchmark, capsys, tiny_model, monkeypatch):
    monkeypatch.setattr("srgan_gp.inference.ort_engine.why_no_gpu", lambda index: "no driver")
    assert benchmark.main(["gpu", str(tiny_model()), "--tensorrt"]) == DeviceError.exit_code
    assert "The device cuda:0 cannot be used: no driver" in capsys.readouterr().err


@pytest.mark.slow
def test_the_progress_of_a_photo_in_the_app_is_measured(
    benchmark, capsys, tiny_model, onnx_models, monkeypatch
):
    path = tiny_model()
    onnx_models.write_card(path)
    monkeypatch.setenv("SRGAN_GP_MODELS", str(path.parent))
    options = ("--model", "tiny", "--megapixels", 0.2, "--jobs", 50, "--threads", 1)
    values = run(benchmark, capsys, "progress", *options)
    assert values["size"] == "516 x 387"
    assert 0 < values["first_movement_seconds"] <= values["largest_gap_seconds"]
    assert values["largest_gap_seconds"] <= values["whole_job_seconds"]
    assert values["memory_after_50_jobs_mib"] > 50


@pytest.mark.usefixtures("benchmark")
def test_the_gradient_at_the_largest_differences_is_relative_to_the_mean():
    from benchmarks.precision import gradient_ratio

    image = np.zeros((20, 50, 3), np.uint8)
    image[:, 25:] = 100  # the gradient is equal in two of 50 columns, and 0 elsewhere
    at_the_edge, elsewhere = np.zeros((2, 20, 50))
    at_the_edge[3, 25], elsewhere[3, 5] = 9, 9
    assert gradient_ratio(image, at_the_edge) == pytest.approx(25)
    assert gradient_ratio(image, elsewhere) == 0
    assert gradient_ratio(image, at_the_edge, share=1) == pytest.approx(1)


@pytest.mark.usefixtures("benchmark")
def test_jobs_are_timed_by_both_clocks():
    from benchmarks.timing import in_turns_on_both_clocks

    rounds, used = in_turns_on_both_clocks({"wait": lambda: time.sleep(0.2), "nothing": int}, 2)
    for times, cpu_times in zip(rounds, used, strict=True):
        assert list(times) == list(cpu_times) == ["wait", "nothing"]
        assert times["wait"] >= 0.2 > 10 * cpu_times["wait"]


class _SlowServer:
    """Server that accepts each job late, and finishes the accepted ones after SIGTERM.

    It is also the process, and its port has the metrics too.
    """

    process = property(lambda self: self)
    accepted = 0

    def __init__(self):
        self.ended = asyncio.Event()

    def send_signal(self, _signal):
        self.ended.set()

    def wait(self, _timeout):
        return 0

    def count_files(self):
        return 0

    async def answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET /metrics "):
            text = (
                f"# HELP\nsrgan_gp_queued_jobs 1.0\nsrgan_gp_running_jobs {self.accepted - 1}.0\n"
            )
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + text.encode())
        else:
            await asyncio.sleep(0.5)
            if self.ended.is_set():
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\n\r\n")
            else:
                self.accepted += 1
                await self.ended.wait()
                if self.accepted > 1:  # one job is cut off, without an answer
                    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                self.accepted -= 1
        writer.close()


@pytest.mark.usefixtures("benchmark")
def test_a_load_test_sends_its_signal_when_all_jobs_are_accepted():
    from benchmarks.shutdown import stop_with_jobs

    async def run():
        server = _SlowServer()
        async with await asyncio.start_server(server.answer, "127.0.0.1", 0) as listener:
            server.port = listener.sockets[0].getsockname()[1]
            return await stop_with_jobs(server, server.port, [b"image"] * 3)

    values = asyncio.run(run())
    assert values["jobs_at_sigterm"] == 3
    assert (values["delivered"], values["cut_off"], values["lost"]) == (2, 0, 1)
    assert (values["exit_code"], values["files_left_at_the_end"]) == (0, 0)


def test_the_name_of_a_file_is_printed_as_it_is(benchmark, capsys, monkeypatch):
    values = {"critic_steps": 2, "bench_sr.zip: PSNR-Y int8": 29.5}
    monkeypatch.setattr(benchmark, "run", lambda _: values)
    assert benchmark.main(["precision", "photo-x4", "--data", "bench_sr.zip"]) == 0
    assert capsys.readouterr().out == "critic steps: 2\nbench_sr.zip: PSNR-Y int8: 29.500\n"
