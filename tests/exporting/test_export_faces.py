"""A run that learned faces becomes a model that `generate` takes."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
import tomli_w
import torch
from onnx import numpy_helper
from PIL import Image
from safetensors.torch import load_file, save_file

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.exporting import export as exporting
from srgan_gp.exporting.export import export, load_run
from srgan_gp.exporting.export_changes import smooth_faces
from srgan_gp.exporting.exported_card import RUN_CARD
from srgan_gp.exporting.onnx_graph import as_onnx
from srgan_gp.exporting.parity import CHECK_COUNTS, TOLERANCE, fixed_inputs, largest_difference
from srgan_gp.exporting.run_record import smoothing_of_start_model
from srgan_gp.finetuning.finetune_source import find_source, generator_options
from srgan_gp.inference.face_generator import FaceGenerator
from srgan_gp.inference.session import Session
from srgan_gp.models.cards import read_card
from srgan_gp.networks import build, names, task_of
from srgan_gp.networks.blocks import smooth
from srgan_gp.training.loop import train
from srgan_gp.training.options.presets import PRESETS
from srgan_gp.training.run_data import read_data_places, save_data
from srgan_gp.training.weights_file import SMOOTHING_KEY, read_smoothing, read_tensors

GENERATORS = [name for name in names("generators") if task_of(name) == "face-generation"]


def with_random_weights(name, **arguments):
    """A generator whose every part has a say: fresh ones have zeros at the ends of their blocks."""
    torch.manual_seed(0)
    generator = build("generators", name, **arguments).eval()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return generator


@pytest.fixture(scope="module")
def face_run(tmp_path_factory):
    """The folder of a short run of `tiny-faces`."""
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    config = replace(PRESETS["tiny-faces"], device="cpu", total_images=16, checkpoint_images=16)
    return train(config, [str(folder)], tmp_path_factory.mktemp("runs") / "faces")


@pytest.fixture(scope="module")
def exported(face_run, tmp_path_factory):
    return export(face_run, "tiny-faces", tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module", params=GENERATORS)
def converted(request):
    """A fresh network, whose blocks end in zeros, and its graph."""
    generator = build("generators", request.param, size=8, latent_size=6, width=2).eval()
    return generator, as_onnx(generator)


@pytest.mark.parametrize("name", GENERATORS)
def test_onnx_runtime_equals_torch_for_several_latents_at_once(name, tmp_path):
    generator = with_random_weights(name, size=32, latent_size=5, width=4)
    model = as_onnx(generator)
    metadata = {"srgan_gp_version": "0", "task": "face-generation", "value_range": "0..1"}
    onnx.helper.set_model_props(model, metadata | {"latent_size": "5", "image_size": "32"})
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    session = Session.open(tmp_path / "model.onnx", device="cpu")
    assert largest_difference(session, generator) <= TOLERANCE


def test_the_latents_compared_are_one_and_more_than_at_the_export(converted):
    assert [tuple(latents.shape) for latents in fixed_inputs(converted[0])] == [
        (count, 6) for count in CHECK_COUNTS
    ]
    assert {1, 3, 7} <= set(CHECK_COUNTS)


def test_the_graph_has_the_names_and_sizes_that_users_meet(converted):
    graph = converted[1].graph
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {"latent": ["N", 6], "faces": ["N", 3, 8, 8]}


def test_every_parameter_is_in_the_graph_also_the_zeros_of_a_fresh_network(converted):
    generator, model = converted
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, value in generator.state_dict().items():
        np.testing.assert_array_equal(numpy_helper.to_array(stored[name]), value.numpy())


def test_the_model_describes_itself(exported):
    model = onnx.load(exported.with_suffix(".onnx"))
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    assert metadata["task"] == "face-generation"
    assert (metadata["latent_size"], metadata["image_size"]) == ("8", "16")
    assert json.loads(metadata["arguments"]) == {"size": 16, "latent_size": 8, "width": 4}
    assert "scale" not in metadata


def test_the_card_says_how_large_the_faces_are(exported):
    card = read_card(exported)
    assert (card.task, card.image_size, card.scale) == ("face-generation", 16, None)
    assert card.summary == "A face_resnet that draws faces of 16 x 16 pixels."
    assert set(card.files) == {"onnx", "critic"}


def test_weights_for_fine_tuning_are_the_average_and_a_critic_in_half_precision(exported, face_run):
    _, generator, _ = load_run(face_run)
    kept = read_tensors(exported.with_suffix(".onnx"))
    for name, value in generator.state_dict().items():
        np.testing.assert_array_equal(kept[name], value.numpy())
    critic = load_file(exported.with_suffix(".critic.safetensors"))
    assert {value.dtype for value in critic.values()} == {torch.float16}


def test_the_exported_model_draws_what_the_network_draws(exported, face_run):
    _, generator, _ = load_run(face_run)
    faces = FaceGenerator.load(exported.with_suffix(".onnx"), device="cpu").generate(seed=3)
    latent = np.random.default_rng(3).standard_normal((1, 8), dtype=np.float32)
    with torch.no_grad():
        expected = 255 * generator(torch.from_numpy(latent)).clip(0, 1)
    assert faces.shape == (1, 16, 16, 3)
    # Rounding to a level turns a difference of 1e-6 into one level at the worst.
    difference = np.abs(faces[0].transpose(2, 0, 1) - expected[0].numpy())
    assert difference.max() <= 0.5 + 1e-3


def test_a_graph_that_differs_is_refused_and_nothing_is_written(
    exported, face_run, tmp_path, monkeypatch
):
    def spoiled(generator):
        model = onnx.load(exported.with_suffix(".onnx"))
        tensor = next(t for t in model.graph.initializer if t.name == "to_colour.bias")
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 0.01, tensor.name))
        return model

    monkeypatch.setattr(exporting, "as_onnx", spoiled)
    with pytest.raises(ModelRefusedError, match="differ by"):
        export(face_run, "spoiled", tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_run_takes_the_default_truncation_over_and_replaces_only_its_own_model(
    face_run, exported, tmp_path
):
    start = tmp_path / "start"
    shutil.copytree(exported.parent, start)
    card = start / exported.name
    card.write_text("truncation = 0.8\n" + card.read_text())
    config = replace(PRESETS["tiny-faces"], device="cpu", total_images=16, checkpoint_images=16)
    images = read_data_places(face_run)
    run = train(config, images, tmp_path / "run", start_from=card.with_suffix(".onnx"))
    models, said = tmp_path / "models", []
    assert read_card(export(run, "mine", models)).truncation == 0.8
    export(run, "mine", models, say=said.append)
    assert "Replacing the model 'mine'" in said[0]
    before = (models / "mine.onnx").read_bytes()
    with pytest.raises(UsageError, match=r"a model 'mine' already.*pass --exist overwrite"):
        export(face_run, "mine", models)
    assert (models / "mine.onnx").read_bytes() == before
    export(face_run, "mine", models, exist="overwrite")
    assert (models / "mine.onnx").read_bytes() != before


def test_nothing_of_a_card_of_another_task_is_kept(face_run, tmp_path):
    earlier = (
        'task = "super-resolution"\nscale = 4\nfidelity_partner = "sharp"\nsummary = "Photos."\n'
    )
    (tmp_path / "mine.toml").write_text(earlier)
    card = read_card(export(face_run, "mine", tmp_path, exist="overwrite"))
    assert (card.task, card.fidelity_partner) == ("face-generation", None)
    assert "draws faces" in card.summary


@pytest.mark.parametrize(
    ("seen", "reason"), [(15, ""), (15, "Stopped early."), (16, ""), (15, None)]
)
def test_an_export_of_an_unfinished_run_warns(face_run, tmp_path, seen, reason, recwarn):
    run = shutil.copytree(face_run, tmp_path / "run")
    newest = max((run / "checkpoints").glob("*.json"))
    numbers = {"images_seen": seen, "best_images_seen": seen, "ended_because": reason}
    numbers = json.loads(newest.read_text()) | numbers
    numbers.pop("numbers_sha256")
    if reason is None:  # as in checkpoints of early versions
        numbers.pop("ended_because")
    newest.write_text(json.dumps(numbers))
    export(run, "early", tmp_path / "models")
    said = [str(warning.message) for warning in recwarn]
    is_unfinished = seen < 16 and not reason
    assert any("unfinished: it has seen 15 of 16 images" in line for line in said) == is_unfinished


def test_an_export_of_a_run_that_never_got_better_warns(face_run, tmp_path):
    run = shutil.copytree(face_run, tmp_path / "run")
    newest = max((run / "checkpoints").glob("*.json"))
    numbers = {"images_seen": 0, "best_images_seen": 0, "ended_because": "Stopped early."}
    numbers = json.loads(newest.read_text()) | numbers
    numbers.pop("numbers_sha256")
    newest.write_text(json.dumps(numbers))
    (run / "card.toml").write_text('summary = "Tuned."\n[untrained]\nsummary = "Unchanged."')
    with pytest.warns(UserWarning, match="before training, after 0 images"):
        path = export(run, "same", tmp_path / "models")
    assert read_card(path).summary == "Unchanged."


@pytest.fixture
def style_run(tmp_path):
    """The folder of a short run of a `style_resnet`."""
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    config = replace(
        PRESETS["tiny-faces"], device="cpu", total_images=16, checkpoint_images=16,
        generator="style_resnet", generator_args=("width=4",),
    )  # fmt: skip
    return train(config, [str(tmp_path)], tmp_path / "run")


def test_smoothing_at_the_export_smooths_the_faces_and_is_part_of_the_network(style_run, tmp_path):
    plain = export(style_run, "plain", tmp_path / "models")
    smoothed = export(style_run, "smoothed", tmp_path / "models", smoothing=0.12)
    assert read_card(plain).training.smoothing == 0
    assert read_card(smoothed).training == replace(read_card(plain).training, smoothing=0.12)
    # The weights are those of the run, so that training can begin with them.
    kept = read_tensors(plain.with_suffix(".onnx"))
    for name, value in read_tensors(smoothed.with_suffix(".onnx")).items():
        np.testing.assert_array_equal(kept[name], value)
    # Training does not use the filter, and the identity of earlier runs does not change.
    assert generator_options(smoothed.with_suffix(".onnx"))["generator_args"] == (
        "width=4", "noise_maps=0",
    )  # fmt: skip
    before, after = (
        FaceGenerator.load(card.with_suffix(".onnx"), device="cpu").generate(count=4)
        for card in (plain, smoothed)
    )
    expected = smooth(torch.from_numpy(before.transpose(0, 3, 1, 2)).float(), 0.12)
    difference = after.transpose(0, 3, 1, 2) - expected.numpy()
    assert np.abs(difference).max() <= 1.001  # both were rounded to levels
    assert np.abs(after.astype(int) - before).max() > 1


def test_smoothing_is_refused_for_a_network_that_has_none(face_run, tmp_path):
    with pytest.raises(UsageError, match="Only a generator style_resnet"):
        export(face_run, "smoothed", tmp_path, smoothing=0.12)
    assert not list(tmp_path.iterdir())


def test_scores_without_smoothing_are_not_put_on_the_card_of_a_smoothed_model(style_run, tmp_path):
    score = {"metric": "FD-hog", "set": "mine", "value": 1.0, "protocol": "as measured"}
    (style_run / RUN_CARD).write_text(tomli_w.dumps({"summary": "Mine.", "scores": [score]}))
    plain = read_card(export(style_run, "plain", tmp_path / "models"))
    smoothed = read_card(export(style_run, "smoothed", tmp_path / "models", smoothing=0.12))
    assert [score.metric for score in plain.scores] == ["FD-hog"]
    assert smoothed.scores == ()
    assert smoothed.summary == plain.summary == "Mine."


def test_a_run_from_a_smoothed_model_keeps_the_smoothing_and_its_scores(style_run, tmp_path):
    models = tmp_path / "models"
    smoothed = export(style_run, "smoothed", models, smoothing=0.12)
    config, _generator, _images_seen = load_run(style_run)
    faces = tmp_path / "faces"  # the folder of the run's images has its previews too
    faces.mkdir()
    for path in style_run.parent.glob("*.png"):
        shutil.copy(path, faces)
    weights = smoothed.with_suffix(".onnx")
    run = train(config, [str(faces)], tmp_path / "second", start_from=weights)
    score = {"metric": "FD-hog", "set": "mine", "value": 1.0, "protocol": "as measured"}
    (run / RUN_CARD).write_text(tomli_w.dumps({"summary": "Mine.", "scores": [score]}))
    kept, changed = (
        read_card(export(run, name, models, smoothing=smoothing))
        for name, smoothing in (("kept", None), ("changed", 0.0))
    )
    assert kept.training.smoothing == find_source(str(weights)).smoothing == 0.12
    assert [score.metric for score in kept.scores] == ["FD-hog"]
    assert changed.training.smoothing == 0
    assert changed.scores == (), "they were measured with the filter"


def test_a_smoothed_model_without_its_card_keeps_the_smoothing(style_run, tmp_path):
    card = export(style_run, "smoothed", tmp_path / "models", smoothing=0.12)
    weights = card.with_suffix(".onnx")
    card.unlink()
    assert find_source(str(weights)).smoothing == 0.12
    run = tmp_path / "second"
    run.mkdir()
    save_data([str(style_run.parent)], None, run, weights)
    assert smoothing_of_start_model(run) == 0.12


@pytest.mark.parametrize("text", ["strong", "nan", "7", "-0.1"])
def test_a_smoothing_in_the_metadata_that_is_no_share_is_refused(text, tmp_path):
    weights = tmp_path / "model.safetensors"
    save_file({"weight": torch.zeros(1)}, weights, metadata={SMOOTHING_KEY: text})
    with pytest.raises(UsageError, match=rf"smoothing in its metadata is '{text}'"):
        read_smoothing(weights, None)


@pytest.mark.parametrize("smoothing", [-0.1, 0.3, math.nan])
def test_a_smoothing_that_is_out_of_range_is_refused(smoothing):
    generator = build("generators", "style_resnet", size=8, latent_size=6, width=2)
    with pytest.raises(UsageError, match=r"smoothing must be 0 to 0\.25"):
        smooth_faces(generator, smoothing)
    assert generator.smoothing == 0
