"""Int8 networks of exported models: files, cards, upscaling, refusals."""

import hashlib
import shutil
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.exporting.export import export
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.models.cards import read_card

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))


@pytest.fixture(scope="module")
def exported(finished_run, tmp_path_factory):
    return export(finished_run, "tiny-x4", tmp_path_factory.mktemp("models"))


@pytest.fixture
def copied(exported, tmp_path):
    folder = shutil.copytree(exported.parent, tmp_path / "models")
    return folder / exported.name


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (40, 52, 3), dtype=np.uint8)


def test_an_export_writes_the_int8_network_and_its_difference(exported):
    card = read_card(exported)
    record = card.files["int8"]
    data = (exported.parent / record.name).read_bytes()
    assert (record.sha256, record.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert record.bytes < card.files["onnx"].bytes
    assert 0 <= card.int8.mean_difference <= card.int8.largest_difference
    metadata = {p.key: p.value for p in onnx.load_model_from_string(data).metadata_props}
    assert metadata["float32_sha256"] == card.files["onnx"].sha256


def test_the_upscaler_reports_int8_and_its_difference(exported, pixels):
    exact = Upscaler.load(exported.with_suffix(".onnx"), device="cpu")
    fast = Upscaler.load(exported.with_suffix(".onnx"), precision="int8")
    difference = np.abs(exact.upscale(pixels).astype(int) - fast.upscale(pixels))
    assert difference.mean() < 5
    assert (exact.report.precision, fast.report.precision) == ("float32", "int8")
    assert fast.report.device == "cpu"
    assert "on cpu in int8. int8 differs from float32 by" in fast.choice
    assert "int8" not in exact.choice
    assert fast.sha256 != exact.sha256


@pytest.mark.parametrize("tile", [8, 13, 29, None])
def test_the_result_does_not_depend_on_the_tile(exported, pixels, tile):
    fast = Upscaler.load(exported.with_suffix(".onnx"), precision="int8")
    np.testing.assert_array_equal(fast.upscale(pixels, tile=tile), fast.upscale(pixels))


def test_int8_with_a_fidelity_is_refused(exported):
    with pytest.raises(UsageError, match="leave out the fidelity or the precision int8"):
        Upscaler.load(exported.with_suffix(".onnx"), precision="int8", fidelity=0.5)


def test_int8_on_a_gpu_is_refused(exported):
    with pytest.raises(UsageError, match="int8 runs on the CPU only"):
        Upscaler.load(exported.with_suffix(".onnx"), precision="int8", device="cuda:1")


def test_a_model_without_an_int8_network_is_refused(tiny_model):
    with pytest.raises(UsageError, match="has no int8 network"):
        Upscaler.load(tiny_model(), precision="int8")


def test_an_unknown_precision_is_refused(tiny_model):
    with pytest.raises(UsageError, match="choose one of auto, float32, float16, int8"):
        Upscaler.load(tiny_model(), precision="int4")


def test_a_damaged_int8_network_is_refused(copied):
    path = copied.with_suffix(".int8.onnx")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelRefusedError, match="damaged"):
        Upscaler.load(copied.with_suffix(".onnx"), precision="int8")


def test_an_int8_network_of_other_weights_is_refused(copied):
    path = copied.with_suffix(".int8.onnx")
    network = onnx.load(path)
    metadata = {entry.key: entry.value for entry in network.metadata_props}
    onnx.helper.set_model_props(network, metadata | {"float32_sha256": "0" * 64})
    path.write_bytes(network.SerializeToString())
    old = read_card(copied).files["int8"].sha256
    new = hashlib.sha256(path.read_bytes()).hexdigest()
    copied.write_text(copied.read_text().replace(old, new))
    with pytest.raises(ModelRefusedError, match="made from other weights"):
        Upscaler.load(copied.with_suffix(".onnx"), precision="int8")


@pytest.mark.parametrize("removed", ["files", "int8"])
def test_a_card_with_only_half_of_the_entries_is_refused(copied, removed):
    table = tomllib.loads(copied.read_text())
    if removed == "files":
        del table["files"]["int8"]
    else:
        del table["int8"]
    import tomli_w

    copied.write_text(tomli_w.dumps(table))
    with pytest.raises(ModelRefusedError, match=r"one of files\.int8 and int8 is missing"):
        read_card(copied)


def test_without_the_training_images_a_warning_says_so(finished_run, tmp_path):
    run_dir = shutil.copytree(finished_run, tmp_path / "run")
    data = run_dir / "data.json"
    data.write_text(data.read_text().replace('"places"', '"nowhere"'))
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "old.int8.onnx").write_bytes(b"of an earlier model")
    with pytest.warns(UserWarning, match=r"no int8 network: .*Pass --photos\."):
        card = read_card(export(run_dir, "old", folder))
    assert (card.int8, "int8" in card.files) == (None, False)
    assert not (folder / "old.int8.onnx").exists()


def test_photos_can_be_given(finished_run, tmp_path, rng):
    photos = tmp_path / "photos"
    photos.mkdir()
    noise = rng.integers(0, 256, (64, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(photos / "a.png")
    (photos / "b.png").write_bytes(b"damaged")
    card = read_card(export(finished_run, "mine", tmp_path, photos=[str(photos)]))
    assert card.int8.measured_on == "1 crops of photos"
    with pytest.raises(UsageError, match="nowhere"):
        export(finished_run, "mine", tmp_path, photos=[str(tmp_path / "nowhere")])


def test_the_script_makes_the_same_network_again(copied, finished_run, tmp_path, capsys):
    from update_int8 import main

    before = (copied.read_text(), copied.with_suffix(".int8.onnx").read_bytes())
    places = tomllib.loads(copied.read_text())
    assert places
    import json

    data = json.loads((finished_run / "data.json").read_text())["places"]
    copied.with_suffix(".int8.onnx").unlink()
    main([str(copied), "--photos", *data])
    assert "int8 differs from float32 by" in capsys.readouterr().out
    assert copied.with_suffix(".int8.onnx").read_bytes() == before[1]
    assert read_card(copied).int8 == read_card(copied).int8
