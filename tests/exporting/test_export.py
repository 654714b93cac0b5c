import hashlib
import json
import re
import shutil
import tomllib

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors import safe_open
from safetensors.torch import load_file

from srgan_gp.cli import main
from srgan_gp.errors import ModelRefusedError, OutputError, UsageError
from srgan_gp.exporting import export as exporting
from srgan_gp.exporting.export import export
from srgan_gp.exporting.export_changes import Blend
from srgan_gp.exporting.next_commands import next_command_for_model, next_command_for_run
from srgan_gp.exporting.onnx_graph import as_onnx
from srgan_gp.exporting.parity import CHECK_SHAPES, TOLERANCE, largest_difference
from srgan_gp.exporting.run_record import describe_run, is_of_run
from srgan_gp.inference.session import Session
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.models.cards import read_card
from srgan_gp.networks import build, names, task_of
from srgan_gp.networks.signatures import arguments_of
from srgan_gp.training.weights_file import is_constant, read_tensors


@pytest.fixture(scope="module")
def exported(finished_run, tmp_path_factory):
    return export(finished_run, "tiny-x4", tmp_path_factory.mktemp("models"))


def test_the_command_prints_each_step_on_stderr_and_the_card_on_stdout(gan_run, tmp_path, capsys):
    assert main(["export", str(gan_run), "--name", "mine", "-o", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path / 'mine.toml'}\n"
    steps = captured.err.splitlines()
    assert steps[0].startswith("Checking the network after ")
    for suffix in ("onnx", "critic.safetensors", "int8.onnx"):
        assert f"Writing {tmp_path / 'mine'}.{suffix}" in steps
    int8 = steps.index("Making the int8 network from photos, for the fast mode")
    assert steps[int8 + 1] == f"Writing {tmp_path / 'mine.onnx'}"
    assert steps[-1].startswith("Next: ")


UPSCALERS = [name for name in names("generators") if task_of(name) == "super-resolution"]


@pytest.mark.parametrize("name", UPSCALERS)
@pytest.mark.parametrize(("scale", "tail"), [(2, "direct"), (3, "staged"), (4, "direct")])
def test_onnx_runtime_equals_torch_at_odd_sizes_and_batch_3(name, scale, tail, tmp_path):
    torch.manual_seed(0)
    small = {"width": 8, "blocks": 2, "tail": tail}
    taken = {key: value for key, value in small.items() if key in arguments_of(name)}
    generator = build("generators", name, scale=scale, **taken).eval()
    path = tmp_path / "model.onnx"
    path.write_bytes(as_onnx(generator).SerializeToString())
    assert largest_difference(Session.open(path, device="cpu"), generator) <= TOLERANCE


def test_the_sizes_compared_are_odd_prime_and_of_batch_3():
    sides = {side for _, *shape in CHECK_SHAPES for side in shape}
    assert len(CHECK_SHAPES) >= 4
    assert sides >= {17, 23, 31, 37, 101}
    assert 3 in {count for count, *_ in CHECK_SHAPES}


def test_an_all_zero_bias_and_equal_tensors_stay_in_the_graph():
    generator = build("generators", "srresnet", scale=2, width=8, blocks=2).eval()
    torch.nn.init.zeros_(generator.stem.bias)
    stored = {tensor.name: tensor for tensor in as_onnx(generator).graph.initializer}
    for name, value in generator.state_dict().items():
        np.testing.assert_array_equal(numpy_helper.to_array(stored[name]), value.numpy())


def test_a_graph_that_differs_is_refused_and_nothing_is_written(
    finished_run, tmp_path, monkeypatch
):
    def spoiled(generator):
        model = as_onnx(generator)
        tensor = next(t for t in model.graph.initializer if t.name == "stem.weight")
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 1.1, tensor.name))
        return model

    monkeypatch.setattr(exporting, "as_onnx", spoiled)
    with pytest.raises(ModelRefusedError, match="differ by"):
        export(finished_run, "spoiled", tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_parameter_that_is_not_in_the_graph_is_named():
    generator = build("generators", "srresnet", scale=2, width=8, blocks=1).eval()
    generator.register_parameter("unused", torch.nn.Parameter(torch.ones(3)))
    with pytest.raises(ModelRefusedError, match="unused"):
        as_onnx(generator)


def test_the_model_describes_itself(exported):
    model = onnx.load(exported.with_suffix(".onnx"))
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    assert metadata["task"] == "super-resolution"
    assert metadata["scale"] == "4"
    assert metadata["overlap"] == "7"  # stem 1, two blocks of 2, merge 1, tail 1
    assert metadata["size_multiple"] == "1"
    assert json.loads(metadata["arguments"]) == {
        "scale": 4, "width": 8, "blocks": 2, "tail": "direct",
    }  # fmt: skip


def test_the_tensors_are_the_average_of_the_best_checkpoint(exported, finished_run):
    numbers = json.loads((finished_run / "checkpoints" / "image-000000064.json").read_text())
    best = finished_run / "checkpoints" / f"image-{numbers['best_images_seen']:09d}.safetensors"
    saved = load_file(best)
    stored = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load(exported.with_suffix(".onnx")).graph.initializer
    }
    averages = {name: v for name, v in saved.items() if name.startswith("average.")}
    assert averages
    for name, value in averages.items():
        np.testing.assert_array_equal(stored[name.removeprefix("average.")], value.numpy())


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_bytes(b"\0"), lambda path: path.unlink()]
)
def test_a_damaged_best_checkpoint_gives_its_place_to_the_newest_and_both_are_named(
    gan_run, tmp_path, damage
):
    run_dir = shutil.copytree(gan_run, tmp_path / "run")
    newest = run_dir / "checkpoints" / "image-000000064"
    numbers = json.loads(newest.with_suffix(".json").read_text())
    del numbers["numbers_sha256"]  # as in a checkpoint of an earlier version
    newest.with_suffix(".json").write_text(json.dumps(numbers | {"best_images_seen": 48}))
    best = load_file(run_dir / "checkpoints" / "image-000000048.safetensors")
    exported = export(run_dir, "best", tmp_path / "models")
    assert torch.equal(
        load_file(exported.with_suffix(".critic.safetensors"))["head.weight"],
        best["critic.head.weight"].half(),
    )
    damage(run_dir / "checkpoints" / "image-000000048.safetensors")
    with pytest.warns(
        UserWarning, match=r"image-000000048.* damaged.* 48 images.*after 64"
    ) as said:
        exported = export(run_dir, "other", tmp_path / "models")
    assert len(said) == 1
    saved = load_file(newest.with_suffix(".safetensors"))
    for name, value in load_file(exported.with_suffix(".critic.safetensors")).items():
        assert torch.equal(value, saved[f"critic.{name}"].half())
    for name, value in read_tensors(exported.with_suffix(".onnx")).items():
        if not is_constant(name):
            assert torch.equal(torch.from_numpy(value), saved[f"average.{name}"])


def test_the_card_is_one_that_the_catalog_reads(exported):
    card = read_card(exported)
    assert card.name == "tiny-x4"
    assert card.files["onnx"].bytes == exported.with_suffix(".onnx").stat().st_size


def test_no_path_of_this_machine_is_in_the_graph(exported):
    data = exported.with_suffix(".onnx").read_bytes()
    assert b".py" not in data
    assert b"site-packages" not in data


def licence_in(path):
    props = onnx.load(path).metadata_props
    return {entry.key: entry.value for entry in props}.get("licence")


def test_a_model_states_no_licence_before_its_author_does(exported):
    assert licence_in(exported.with_suffix(".onnx")) is None


def test_exporting_again_keeps_the_texts_and_drops_scores_of_other_weights(
    finished_run, exported, tmp_path
):
    card = tomllib.loads(exported.read_text())
    text = exported.read_text().replace('licence = "unstated"', 'licence = "CC0-1.0"')
    score = '\n[[scores]]\nmetric = "PSNR-Y"\nset = "Set5"\nvalue = 99.0\nprotocol = "none"\n'
    text = text.replace("scores = []\n", 'fidelity_partner = "other"\n') + score
    path = tmp_path / "tiny-x4.toml"
    path.write_text(text)
    same = tomllib.loads(export(finished_run, "tiny-x4", tmp_path).read_text())
    assert (same["licence"], same["fidelity_partner"]) == ("CC0-1.0", "other")
    assert same["scores"]
    assert licence_in(path.with_suffix(".onnx")) == "CC0-1.0"
    path.write_text(path.read_text().replace("CC0-1.0", "CC BY-NC-SA 4.0"))
    changed = tomllib.loads(export(finished_run, "tiny-x4", tmp_path).read_text())
    assert changed["scores"] == same["scores"]
    assert licence_in(path.with_suffix(".onnx")) == changed["licence"] == "CC BY-NC-SA 4.0"
    path.write_text(text.replace(card["files"]["onnx"]["sha256"], "0" * 64))
    other = tomllib.loads(export(finished_run, "tiny-x4", tmp_path).read_text())
    assert (other["licence"], other["fidelity_partner"]) == ("CC0-1.0", "other")
    assert other["scores"] == []


def test_blended_weights_are_the_stated_average(exported, finished_run, gan_run, tmp_path):
    other = export(gan_run, "other", tmp_path).with_suffix(".onnx")
    card = export(finished_run, "blended", tmp_path, Blend(other, 0.25))
    pure, partner, blended = (
        read_tensors(path.with_suffix(".onnx")) for path in (exported, other, card)
    )
    for name in pure.keys() & partner.keys():
        if not is_constant(name):
            expected = 0.75 * pure[name] + 0.25 * partner[name]
            np.testing.assert_allclose(blended[name], expected, atol=1e-6)
    assert read_card(card).training.blended_with == "0.25 of other.onnx"


def test_the_share_of_a_blended_model_is_half_by_default(finished_run, gan_run, tmp_path):
    other = export(gan_run, "other", tmp_path).with_suffix(".onnx")
    words = ["export", str(finished_run), "--name", "mine", "-o", str(tmp_path)]
    assert main([*words, "--blend", str(other)]) == 0
    assert read_card(tmp_path / "mine.toml").training.blended_with == "0.5 of other.onnx"


@pytest.mark.parametrize("share", ["0", "0.3", "0.5"])
def test_a_share_without_a_model_to_blend_is_refused(tmp_path, capsys, share):
    words = ["export", str(tmp_path / "run"), "--name", "mine", "-o", str(tmp_path / "new")]
    assert main([*words, "--blend-share", share]) == 2
    assert f"--blend-share {share} needs --blend MODEL.onnx." in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_outside_0_to_1_is_refused(tmp_path, share):
    with pytest.raises(UsageError, match="must be 0 to 1"):
        Blend(tmp_path / "model.onnx", share)


def test_the_card_identifies_the_run(exported, finished_run):
    training = read_card(exported).training
    options = (finished_run / "config.json").read_bytes()
    assert training.options_sha256 == hashlib.sha256(options).hexdigest()
    metadata = onnx.load(exported.with_suffix(".onnx")).metadata_props
    assert str(training.images_seen) == next(p.value for p in metadata if p.key == "images_seen")
    assert re.fullmatch("[0-9a-f]{40}|", training.commit)


def test_a_card_that_cannot_be_read_is_named_before_anything_is_written(finished_run, tmp_path):
    (tmp_path / "tiny-x4.toml").write_text("licence = [")
    with pytest.raises(UsageError, match=r"tiny-x4\.toml cannot be read"):
        export(finished_run, "tiny-x4", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny-x4.toml"]


def test_the_exported_model_upscales(exported):
    pixels = np.full((9, 7, 3), 128, np.uint8)
    enlarged = Upscaler.load(exported.with_suffix(".onnx"), device="cpu").upscale(pixels)
    assert enlarged.shape == (36, 28, 3)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "é"])
def test_a_name_that_cannot_be_a_file_is_refused(finished_run, tmp_path, name):
    with pytest.raises(UsageError, match="is not a valid model name"):
        export(finished_run, name, tmp_path)


def test_the_name_of_a_shipped_model_is_refused_and_nothing_is_written(finished_run, tmp_path):
    with pytest.raises(UsageError, match="name of a shipped model"):
        export(finished_run, "photo-x4", tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no training run"):
        export(tmp_path, "name", tmp_path)


def test_an_output_that_is_a_file_is_refused_before_anything_is_made(tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("kept")
    for out_dir in (occupied, occupied / "below"):
        with pytest.raises(OutputError, match="not a folder"):
            export(tmp_path, "name", out_dir)
    assert occupied.read_text() == "kept"


def test_an_export_that_fails_at_the_int8_network_writes_no_file(finished_run, tmp_path):
    models, empty = tmp_path / "models", tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UsageError, match="no image"):
        export(finished_run, "mine", models, photos=[str(empty)])
    assert not list(models.iterdir())


def test_a_config_that_is_no_object_is_that_of_no_run(finished_run, exported, tmp_path):
    card = tomllib.loads(exported.read_text())
    assert is_of_run(card, finished_run)
    shutil.copy(finished_run / "data.json", tmp_path)
    (tmp_path / "config.json").write_text("[]")
    assert not is_of_run(card, tmp_path)


def test_options_that_are_newer_than_a_run_do_not_change_its_hash(finished_run, tmp_path):
    options = json.loads((finished_run / "config.json").read_text())
    shutil.copy(finished_run / "data.json", tmp_path)

    def run_hash(**changes):
        (tmp_path / "config.json").write_text(json.dumps(options | changes))
        return describe_run(tmp_path)["run_sha256"]

    now = run_hash()
    for name in ("critic_detail", "detail_ratio"):
        del options[name]
    assert run_hash() == now
    assert run_hash(critic_detail=True) != now
    assert run_hash(detail_ratio=1.0) != now
    texts = options["generator_args"]
    assert run_hash(generator_args=[*texts, "noise_maps=0"]) == now
    assert run_hash(generator_args=[*texts, "noise_maps=8"]) != now


def test_the_hash_of_a_run_is_that_of_the_version_before_these_options(tmp_path):
    options = {
        "total_images": 64, "generator": "style_resnet",
        "generator_args": ["width=16", "noise_maps=0"], "critic_detail": False, "detail_ratio": 4.0,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(options | {"device": "cpu"}))
    data = {"fingerprint": "ab", "validation": None, "start_from": None}
    (tmp_path / "data.json").write_text(json.dumps(data))
    before = "9d123ef068ddba07006ebeef8962a96dd8014c4eb8a58b6814984f05bcb3bbb4"
    assert describe_run(tmp_path)["run_sha256"] == before


def test_the_command_after_a_run_repeats_exist(tmp_path):
    assert next_command_for_run(tmp_path, "mine", "overwrite").endswith(" --exist overwrite")
    assert "--exist" not in next_command_for_run(tmp_path, "mine", "error")


@pytest.mark.parametrize("model", ["my-faces", "elsewhere/my-faces.onnx"])
def test_the_command_after_a_face_generator_names_an_image_after_it(model):
    assert next_command_for_model("face-generation", model).endswith(
        f" -o my-faces.png --model {model}"
    )


def test_the_critic_is_kept_in_half_precision_where_there_is_one(gan_run, tmp_path):
    card = read_card(export(gan_run, "gan", tmp_path))
    path = tmp_path / card.files["critic"].name
    assert path.name == "gan.critic.safetensors"
    critic = build("critics", "resnet_critic", width=4, stages=2, scale=4, conditional=True)
    kept = load_file(path)
    critic.load_state_dict(kept)
    newest = max((gan_run / "checkpoints").glob("*.json"))
    best = f"image-{json.loads(newest.read_text())['best_images_seen']:09d}.safetensors"
    saved = load_file(gan_run / "checkpoints" / best)
    for name, value in kept.items():
        assert value.dtype == torch.float16
        assert torch.equal(value, saved[f"critic.{name}"].half())
    with safe_open(path, framework="numpy") as tensors:
        assert tensors.metadata()["architecture"] == "resnet_critic"


def test_the_critic_of_an_earlier_model_of_the_name_goes_with_it(gan_run, finished_run, tmp_path):
    export(gan_run, "one", tmp_path)
    export(gan_run, "two", tmp_path)
    card = read_card(export(finished_run, "one", tmp_path, exist="overwrite"))
    assert "critic" not in card.files
    assert {path.name for path in tmp_path.glob("*.critic.safetensors")} == {
        "two.critic.safetensors"
    }


def test_the_weights_that_version_0_1_wrote_go_with_the_card_that_names_them(
    finished_run, tmp_path
):
    for name in ("older", "own"):
        card = export(finished_run, name, tmp_path)
        card.with_suffix(".safetensors").write_bytes(b"weights")
    listed = '[files.safetensors]\nname = "older.safetensors"\nsha256 = "0"\nbytes = 7\n'
    path = tmp_path / "older.toml"
    path.write_text(path.read_text() + "\n" + listed)
    for name in ("older", "own"):
        assert set(read_card(export(finished_run, name, tmp_path)).files) == {"onnx", "int8"}
    assert [p.name for p in tmp_path.glob("*.safetensors")] == ["own.safetensors"]


def test_a_card_that_cannot_be_written_leaves_the_critic_it_names(gan_run, finished_run, tmp_path):
    before = read_card(export(gan_run, "one", tmp_path)).files["critic"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "fill_card", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export(finished_run, "one", tmp_path, exist="overwrite")
    assert (tmp_path / before.name).stat().st_size == before.bytes
