"""Runs of faces with `projected_critic`: from a fresh start to a model that is fine-tuned."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision.models import squeezenet1_1

from srgan_gp.errors import UsageError
from srgan_gp.exporting.export import export
from srgan_gp.finetuning.finetune import finetune
from srgan_gp.finetuning.finetune_source import find_source
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.networks import build
from srgan_gp.training.checkpoint import Progress, TrainingState
from srgan_gp.training.ema import MovingAverage
from srgan_gp.training.loop import train
from srgan_gp.training.options.presets import PRESETS
from srgan_gp.training.start_weights import load_critic, load_start, load_weights
from srgan_gp.training.weights_file import read_tensors


@pytest.fixture(scope="module")
def feature_weights(tmp_path_factory):
    """SqueezeNet 1.1 with random weights, as the file that `--feature-weights` takes."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("features") / "squeezenet.safetensors"
    save_file(squeezenet1_1(weights=None).state_dict(), path)
    return str(path)


@pytest.fixture(scope="module")
def config(feature_weights):
    """The preset for CPUs, as small as its networks go."""
    return replace(
        PRESETS["faces-64-cpu"], device="cpu", image_size=16, latent_size=8,
        generator_args=("width=4",), critic_width=2, total_images=24, batch_size=4,
        feature_weights=feature_weights, report_images=8, validate_images=12, checkpoint_images=12,
        ema_half_life_images=16,
    )  # fmt: skip


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    for number in range(24):
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run_dir(config, faces, tmp_path_factory):
    return train(config, [str(faces)], tmp_path_factory.mktemp("runs") / "faces")


def tensors(run_dir, images_seen):
    return load_file(run_dir / "checkpoints" / f"image-{images_seen:09d}.safetensors")


def test_every_part_of_the_critic_moves_and_its_statistics_stand_still(run_dir):
    first, last = tensors(run_dir, 12), tensors(run_dir, 24)
    for name, value in last.items():
        if name.startswith("critic.maps."):
            assert torch.equal(value, first[name])
        elif name.startswith("critic.parts.") and name.endswith("weight"):
            assert not torch.equal(value, first[name]), name


def test_a_run_adds_noise_and_a_detail_part_to_a_model_without_them(
    config, run_dir, faces, tmp_path, capsys
):
    model = export(run_dir, "plain", tmp_path / "models").with_suffix(".onnx")
    longer = replace(
        config, generator_args=("width=4", "noise_maps=2"), critic_detail=True, detail_ratio=2.0,
        seed=1, report_images=4,  # each line is about one step: the ratio does not hold for means
    )  # fmt: skip
    second = train(longer, [str(faces)], tmp_path / "second", start_from=model)
    output = capsys.readouterr()
    assert "plain.onnx or its critic lacks" in output.out + output.err
    lines = [json.loads(line) for line in (second / "stats.jsonl").read_text().splitlines()]
    measured = [line for line in lines if "critic/detail_estimate" in line]
    assert measured
    for line in measured:
        ratio = line["adversarial/detail_weight"] * line["adversarial/detail_gradient"]
        assert ratio == pytest.approx(2 * line["adversarial/image_gradient"], rel=1e-3)
    first, last = tensors(second, 12), tensors(second, 24)
    for name in ("critic.parts.detail.score.weight", "generator.stages.0.first.noise_factors"):
        assert not torch.equal(first[name], last[name]), name
    assert torch.equal(first["generator.noise.maps.16"], last["generator.noise.maps.16"])

    # The exported model has the same layers, so that fine-tuning begins with them.
    weights = export(second, "noisy", tmp_path / "models").with_suffix(".onnx")
    source = find_source(str(weights))
    assert source.options["critic_detail"] is True
    assert source.options["generator_args"] == ("width=4", "noise_maps=2")
    exported = build("generators", "style_resnet", size=16, latent_size=8, width=4, noise_maps=2)
    assert not load_weights(exported, weights)
    generated = FaceGenerator.load(weights, device="cpu")
    assert np.array_equal(generated.generate(seed=3, count=2), generated.generate(seed=3, count=2))


def test_layers_that_a_model_lacks_are_named_and_those_that_only_it_has_are_refused(
    config, run_dir, tmp_path
):
    model = export(run_dir, "plain", tmp_path).with_suffix(".onnx")
    arguments = {"size": 16, "latent_size": 8, "width": 4}
    noisy = build("generators", "style_resnet", **arguments, noise_maps=2)
    before = {name: values.clone() for name, values in noisy.state_dict().items()}
    with pytest.raises(UsageError, match="holds another network: "):
        load_weights(noisy, model)
    added = load_weights(noisy, model, may_add=True)
    assert added
    assert all("noise" in name for name in added)
    plain = read_tensors(model)
    for name, values in noisy.state_dict().items():
        expected = before[name] if name in added else torch.from_numpy(plain[name])
        assert torch.equal(values, expected), name
    critic = build("critics", "projected_critic", size=16, width=2, detail=True)
    assert all(
        name.startswith("parts.detail.") for name in load_critic(critic, model, may_add=True)
    )
    average = MovingAverage(
        build("generators", "style_resnet", **arguments, noise_maps=2), lambda _step: 0.9
    )
    state = TrainingState(noisy, average, None, Progress(), critic)
    message = load_start(state, model)
    loaded = average.average.state_dict()
    assert all(torch.equal(loaded[name], values) for name, values in noisy.state_dict().items())
    assert re.match(r"plain\.onnx or its critic lacks \d+ tensors .* such as stages\.0", message)

    noisy_file = tmp_path / "noisy.safetensors"
    save_file(noisy.state_dict(), noisy_file)
    with pytest.raises(UsageError, match="noise"):
        load_weights(build("generators", "style_resnet", **arguments), noisy_file, may_add=True)


def test_each_parts_contribution_is_logged(run_dir):
    lines = [json.loads(line) for line in (run_dir / "stats.jsonl").read_text().splitlines()]
    parts = ("image", "stride_2", "stride_4", "stride_8", "stride_16")
    expected = {f"critic/{part}_{what}" for part in parts for what in ("estimate", "norm")}
    sides = {
        f"adversarial/{side}_{what}"
        for side in ("image", "feature")
        for what in ("loss", "gradient")
    }
    for line in lines:
        if "health/critic_estimate" in line:
            assert (expected | sides | {"adversarial/feature_weight"}) <= line.keys()
            total = sum(line[f"critic/{part}_estimate"] for part in parts)
            assert line["health/critic_estimate"] == pytest.approx(total, rel=1e-4, abs=1e-4)


def test_a_run_resumes_to_the_same_bits(run_dir, config, faces):
    whole = tensors(run_dir, 24)
    for path in (run_dir / "checkpoints").glob("image-000000024.*"):
        path.unlink()
    train(config, [str(faces)], run_dir)
    again = tensors(run_dir, 24)
    assert whole.keys() == again.keys()
    assert all(torch.equal(value, again[name]) for name, value in whole.items())


def test_what_it_made_is_generated_with_truncation_and_fine_tuned(
    run_dir, faces, feature_weights, tmp_path
):
    export(run_dir, "faces", tmp_path)
    generator = FaceGenerator.load(tmp_path / "faces.onnx", threads=1)
    alike = generator.generate(seed=3, count=4, truncation=0.0)
    assert np.array_equal(alike[0], alike[1])
    drawn = generator.generate(seed=3, count=2)
    assert np.array_equal(drawn[1], generator.generate(seed=4)[0])
    changes = {
        "total_images": 8, "batch_size": 4, "validate_images": 4, "device": "cpu",
        "feature_weights": feature_weights, "report_images": 4,
    }  # fmt: skip
    outcome = finetune(
        str(tmp_path / "faces.onnx"), [str(faces)], tmp_path / "run", changes=changes
    )
    assert outcome.images_seen == 8 or outcome.ended_because
    own, tuned = (load_file(path) for path in _critics(tmp_path, outcome.images_seen))
    for name, value in own.items():
        if name.startswith("maps."):  # the critic judges on as it learned to
            assert torch.allclose(tuned[f"critic.{name}"], value.float())


def _critics(folder, images_seen):
    yield folder / "faces.critic.safetensors"
    yield folder / "run" / "checkpoints" / f"image-{images_seen:09d}.safetensors"
