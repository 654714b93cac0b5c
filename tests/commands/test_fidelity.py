"""`--fidelity`: printed and reported values, and refusals."""

import json

import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.models.cards import LOOKS


def read_pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def upscale(partners, folder, capsys):
    """Run `srgan-gp upscale` on one image: (exit code, stdout, stderr, the result)."""

    def run(*arguments, model="near"):
        result = folder / "a_x2.png"
        result.unlink(missing_ok=True)
        fixed = ["upscale", str(folder / "a.png"), "-n", str(model), "--device", "cpu"]
        code = main([*fixed, *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err, read_pixels(result) if result.exists() else None

    return run


def test_the_ends_are_the_two_models(upscale):
    near, far = upscale()[3], upscale(model="far")[3]
    assert (near != far).any()
    np.testing.assert_array_equal(upscale("--fidelity", "0")[3], near)
    np.testing.assert_array_equal(upscale("--fidelity", "1")[3], far)


def test_the_report_and_the_first_line_name_the_mixture(upscale):
    report = json.loads(upscale("--fidelity", "0.5", "--json")[1])
    assert (report["model"], report["fidelity"]) == ("near at fidelity 0.5 (towards far)", 0.5)
    assert report["done"] == 1
    _, _, printed, _ = upscale("--fidelity", "0.5")
    assert printed.startswith("near at fidelity 0.5 (towards far) on cpu.")
    _, _, printed, _ = upscale("--look", "natural")
    assert printed.startswith("--look natural: near at fidelity 0.5 (towards far) on cpu.")


@pytest.mark.parametrize(
    ("look", "fidelity", "weights"), [("crisp", 0, "near"), ("faithful", 1, "far")]
)
def test_at_an_end_the_model_whose_weights_are_used_is_named(upscale, look, fidelity, weights):
    name = f"near at fidelity {fidelity} (the weights of {weights})"
    report = json.loads(upscale("--look", look, "--json")[1])
    assert (report["model"], report["fidelity"]) == (name, fidelity)
    assert upscale("--look", look)[2].startswith(f"--look {look}: {name} on cpu.")


def test_the_report_of_one_model_alone_has_no_fidelity(upscale):
    report = json.loads(upscale("--json")[1])
    assert (report["model"], report["fidelity"]) == ("near", None)


@pytest.mark.parametrize("option", ["--look natural", "--fidelity 0.5"])
def test_int8_excludes_the_option_that_was_typed(upscale, option):
    code, _, printed, _ = upscale(*option.split(), "--precision", "int8")
    assert code == 2
    assert one_line(printed).startswith(f"srgan-gp: error: {option} mixes two networks")
    assert f"pass -n near (crisp) or -n far (faithful) instead of {option}." in printed


@pytest.mark.parametrize(
    ("option", "model"),
    [
        ("--look faithful", "far"),
        ("--look crisp", "near"),
        ("--fidelity 1", "far"),
        ("--fidelity 0", "near"),
    ],
)
def test_int8_at_an_end_names_the_model_to_pass(upscale, option, model):
    code, _, printed, _ = upscale(*option.split(), "--precision", "int8")
    assert (code, one_line(printed)) == (
        2,
        f"srgan-gp: error: {option} is the model {model} alone; with --precision int8 pass "
        f"-n {model} instead.",
    )


@pytest.mark.parametrize(
    ("scale", "model"), [([], "photo-x4-psnr"), (["-s", "2"], "photo-x2-psnr")]
)
def test_int8_names_the_default_model_of_the_scale(folder, capsys, scale, model):
    words = ["upscale", str(folder / "a.png"), "--precision", "int8", *scale]
    assert main([*words, "--look", "faithful"]) == 2
    assert f"pass -n {model} instead." in capsys.readouterr().err
    assert main([*words, "--dry-run", "-n", model]) == 0


def test_int8_with_a_look_of_a_model_without_a_partner_names_the_look(upscale):
    code, _, printed, _ = upscale("--look", "faithful", "--precision", "int8", model="far")
    assert code == 2
    assert "The look faithful works only with" in one_line(printed)


@pytest.mark.parametrize("text", ["-0.1", "1.01", "nan", "inf", "half", ""])
def test_an_invalid_fidelity_is_wrong_use(upscale, text, capsys):
    with pytest.raises(SystemExit) as ended:
        upscale(f"--fidelity={text}")
    assert ended.value.code == 2
    assert f"--fidelity: the fidelity must be from 0 to 1, not {text}" in capsys.readouterr().err


def one_line(printed):
    [line] = printed.splitlines()
    return line


def test_a_model_without_a_partner_is_wrong_use(upscale):
    code, _, printed, result = upscale("--fidelity", "0.5", model="far")
    assert (code, result) == (2, None)
    assert one_line(printed) == (
        "srgan-gp: error: The fidelity works only with photo-x2, photo-x4, near, not with far. "
        "Leave it out, or choose another model."
    )


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_of_a_model_without_a_partner_is_named_in_the_error(upscale, look):
    code, _, printed, result = upscale("--look", look, model="far")
    assert (code, result) == (2, None)
    assert one_line(printed).startswith(
        f"srgan-gp: error: The look {look} works only with photo-x2, photo-x4, near, not with far."
    )


def test_a_look_whose_partner_is_missing_is_named_in_the_error(upscale, partners):
    for path in partners.glob("far.*"):
        path.unlink()
    code, _, printed, _ = upscale("--look", "faithful", model="near")
    assert code == 8
    assert "'far', needed for the look faithful, is missing" in one_line(printed)


def test_a_model_without_a_card_is_wrong_use(upscale, tiny_model):
    code, _, printed, _ = upscale("--fidelity", "0.5", model=tiny_model("elsewhere"))
    assert code == 2
    assert "not with elsewhere." in one_line(printed)


def test_a_partner_that_is_missing_is_a_refused_model(upscale, partners):
    (partners / "far.toml").unlink()
    code, _, printed, _ = upscale("--fidelity", "0.5")
    assert code == 8
    assert "partner of near, 'far', needed for the fidelity, is missing" in one_line(printed)


def test_a_partner_that_does_not_fit_is_a_refused_model(upscale, tiny_model, onnx_models):
    onnx_models.write_card(tiny_model("far", overlap="1"))
    code, _, printed, _ = upscale("--fidelity", "0.5")
    assert code == 8
    assert "near and far cannot be mixed: the tensor w1" in one_line(printed)


def test_models_shows_the_partner(partners, capsys):
    assert main(["models", "near"]) == 0
    assert "  fidelity: 0 is near, 1 is far\n" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    cards = {card["name"]: card for card in json.loads(capsys.readouterr().out)["models"]}
    assert cards["near"]["fidelity_partner"] == "far"
    assert cards["far"]["fidelity_partner"] is None
