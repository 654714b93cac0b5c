"""Bytes that are loaded: those of the model, of its fidelity partner, or of their average."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.inference.loading.model_files import read_model
from srgan_gp.inference.session import Session
from srgan_gp.inference.upscaler import Upscaler

IMAGE = np.random.default_rng(0).random((2, 3, 9, 11), dtype=np.float32)


def upscale(model, fidelity=None):
    return Session.open(model, device="cpu", threads=1, fidelity=fidelity).run(IMAGE)


def test_fidelity_0_and_1_are_the_bytes_of_the_files(partners):
    for fidelity, name in ((0, "near"), (1, "far"), (0.0, "near"), (1.0, "far")):
        source = read_model("near", fidelity)
        assert source.data == (partners / f"{name}.onnx").read_bytes()
        assert source.sha256 == hashlib.sha256(source.data).hexdigest()


def test_fidelity_0_and_1_give_the_results_of_the_files_to_the_last_bit(partners):
    np.testing.assert_array_equal(upscale("near", 0), upscale("near"))
    np.testing.assert_array_equal(upscale("near", 1), upscale("far"))


@pytest.mark.parametrize("fidelity", [0.1, 0.5, 0.75])
def test_results_of_one_convolution_are_averaged_like_its_weights(partners, fidelity):
    near, far = upscale("near"), upscale("far")
    assert np.abs(near - far).max() > 0.1
    expected = (1 - fidelity) * near + fidelity * far
    np.testing.assert_allclose(upscale("near", fidelity), expected, atol=1e-5)


def test_an_average_has_its_own_name_and_hash(partners):
    info = Session.open("near", device="cpu", fidelity=0.5).info
    assert info.name == "near at fidelity 0.5 (towards far)"
    assert (info.fidelity, info.scale, info.overlap, info.source) == (0.5, 2, 1, "metadata")
    assert info.sha256 == hashlib.sha256(read_model("near", 0.5).data).hexdigest()


def test_fidelity_is_in_the_name_only_if_it_was_requested(partners):
    for fidelity, weights in ((0, "near"), (1, "far")):
        info = Session.open("near", device="cpu", fidelity=fidelity).info
        name = f"near at fidelity {fidelity} (the weights of {weights})"
        assert (info.name, info.fidelity) == (name, fidelity)
    plain = Session.open("near", device="cpu").info
    assert (plain.name, plain.fidelity) == ("near", None)


def test_an_average_has_the_same_bytes_in_another_process(partners):
    program = (
        "from srgan_gp.inference.loading.model_files import read_model\n"
        "print(read_model('near', 0.3).sha256)"
    )
    environment = {"SRGAN_GP_MODELS": str(partners), "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == read_model("near", 0.3).sha256


def test_fidelity_0_and_1_do_not_need_onnx(partners):
    program = (
        "import sys; sys.modules['onnx'] = None\n"
        "from srgan_gp.inference.session import Session\n"
        "for fidelity in (0, 1): Session.open('near', device='cpu', fidelity=fidelity)"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={"SRGAN_GP_MODELS": str(partners)}
    )


def test_an_upscaler_reports_its_fidelity(partners, tiny_image):
    upscaler = Upscaler.load("near", device="cpu", fidelity=0.25)
    upscaler.upscale(tiny_image, tile=5)
    assert upscaler.fidelity == upscaler.report.fidelity == 0.25
    assert upscaler.report.model == upscaler.name == "near at fidelity 0.25 (towards far)"
    assert upscaler.choice.startswith("near at fidelity 0.25 (towards far) on cpu.")


def test_an_average_gives_the_same_result_in_tiles(partners, tiny_image):
    upscaler = Upscaler.load("near", device="cpu", fidelity=0.5)
    whole = upscaler.upscale(tiny_image, tile=None)
    np.testing.assert_array_equal(upscaler.upscale(tiny_image, tile=5), whole)


def test_an_average_of_models_without_metadata_is_measured(partners, tiny_model, onnx_models):
    for name, seed, changes in (("quiet", 0, {"fidelity_partner": "other"}), ("other", 1, {})):
        path = tiny_model(name, onnx_models.convolutional(seed=seed), srgan_gp_version=None)
        onnx_models.write_card(path, **changes)
    opened = Session.open("quiet", device="cpu", fidelity=0.5)
    assert (opened.info.source, opened.info.overlap) == ("measured", 3)
    assert opened.notes[0].startswith("quiet at fidelity 0.5 (towards other) has no metadata")


# Refusals.


@pytest.mark.parametrize("fidelity", [-0.001, 1.001, 2, float("nan"), float("inf")])
def test_a_fidelity_is_from_0_to_1(partners, fidelity):
    with pytest.raises(UsageError, match=f"from 0 to 1, not {fidelity}"):
        read_model("near", fidelity)


@pytest.mark.parametrize("fidelity", [0, 0.5, 1])
def test_a_model_without_a_partner_takes_no_fidelity(partners, fidelity):
    with pytest.raises(UsageError, match=r"fidelity works only with .*near, not with far\."):
        read_model("far", fidelity)


def test_a_file_without_a_card_takes_no_fidelity(partners, tiny_model):
    with pytest.raises(UsageError, match="not with stray"):
        read_model(tiny_model("stray"), 0.5)


@pytest.mark.parametrize("name", ["near", "far"])
@pytest.mark.parametrize("fidelity", [0, 0.5, 1])
def test_files_are_verified_before_they_are_parsed(partners, name, fidelity):
    path = partners / f"{name}.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    used = {0: ["near"], 0.5: ["near", "far"], 1: ["far"]}[fidelity]
    if name in used:
        with pytest.raises(ModelRefusedError, match=rf"{name}\.onnx is damaged"):
            read_model("near", fidelity)
    else:
        read_model("near", fidelity)


@pytest.mark.parametrize("suffix", [".toml", ".onnx"])
def test_a_missing_partner_is_named(partners, suffix):
    (partners / "far").with_suffix(suffix).unlink()
    with pytest.raises(ModelRefusedError, match=r"far.* is missing"):
        read_model("near", 0.5)


def test_a_partner_of_another_network_is_refused_at_every_fidelity(partners, onnx_models):
    faces = {"task": "face-generation", "scale": None, "image_size": 8}
    for changes in ({"architecture": "other"}, {"scale": 3}, faces):
        onnx_models.write_card(partners / "far.onnx", **changes)
        key, value = next(iter(changes.items()))
        for fidelity in (0, 0.5, 1):
            with pytest.raises(ModelRefusedError, match=f"another network: {key} {value!r}"):
                read_model("near", fidelity)


def test_a_partner_with_other_tensors_is_refused(partners, tiny_model, onnx_models):
    onnx_models.write_card(tiny_model("far", onnx_models.convolutional(), overlap="1"))
    with pytest.raises(ModelRefusedError, match="near and far cannot be mixed: the tensor w1"):
        read_model("near", 0.5)


def test_a_file_with_that_name_in_the_working_folder_is_not_used_as_partner(
    partners, monkeypatch, tmp_path
):
    (partners / "far.toml").unlink()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "far").write_bytes((partners / "far.onnx").read_bytes())
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ModelRefusedError, match="'far', needed for the fidelity, is missing"):
        read_model("near", 0.5)


def test_a_partner_beside_the_model_takes_precedence(
    partners, tmp_path_factory, onnx_models, monkeypatch
):
    folder = tmp_path_factory.mktemp("exported")
    for file in partners.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "far.onnx").write_bytes((folder / "near.onnx").read_bytes())
    onnx_models.write_card(folder / "far.onnx")
    own = read_model(folder / "near.onnx", 1)
    assert own.data == (partners / "near.onnx").read_bytes()
    (folder / "far.toml").unlink()
    assert read_model(folder / "near.onnx", 1).data == (partners / "far.onnx").read_bytes()
