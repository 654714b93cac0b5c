import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.commands import evaluate as command
from srgan_gp.data.benchmark_downscalers import LOW_RES, bicubic
from srgan_gp.data.image_sources import list_images
from srgan_gp.errors import PictureError, UsageError
from srgan_gp.evaluation.evaluate import evaluate
from srgan_gp.metrics.patch_distance import patch_distance

SHARED = Path(os.environ.get("SRGAN_GP_SHARED", Path(__file__).parents[3] / "shared"))
SQUEEZENET = SHARED / "models" / "squeezenet1_1.safetensors"
NO_FEATURES = Path("none")


@pytest.fixture
def smooth(rng):
    rows, columns = np.indices((64, 80)) / 9
    waves = [127 + 60 * np.sin(rows + c) + 50 * np.cos(columns * (c + 1)) for c in range(3)]
    return np.stack(waves, -1).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", LOW_RES)
@pytest.mark.parametrize("scale", [2, 4])
def test_every_way_keeps_size_type_colours_and_is_repeatable(name, scale, smooth):
    low_res = LOW_RES[name](smooth, scale)
    assert low_res.shape == (64 // scale, 80 // scale, 3)
    assert low_res.dtype == np.uint8
    means = np.abs(low_res.mean((0, 1)) - smooth.mean((0, 1)))
    assert means.max() < 3
    assert np.array_equal(low_res, LOW_RES[name](smooth, scale))


def test_the_bicubic_baseline_restores_a_smooth_image(smooth):
    enlarged = bicubic(LOW_RES["matlab"](smooth, 2), 2)
    assert np.abs(enlarged.astype(int) - smooth)[8:-8, 8:-8].mean() < 2


def test_scores_name_what_they_were_made_with(pictures):
    scores = evaluate("bicubic", str(pictures), feature_weights=NO_FEATURES).as_dict()
    assert scores["scale"] == scores["border"] == 4
    assert scores["low_res"] == "matlab"
    assert scores["feature_network"] is None
    assert [p["name"] for p in scores["pictures"]] == ["0", "1", "2", "3"]
    for metric in ("psnr_y", "ssim_y", "consistency"):
        values = [p[metric] for p in scores["pictures"]]
        assert scores["mean"][metric] == pytest.approx(np.mean(values))


@pytest.mark.parametrize("value", ["none", Path("none")])
def test_the_text_of_the_message_skips_the_feature_network(pictures, tmp_path, monkeypatch, value):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    with pytest.raises(UsageError, match="pass 'none' as `feature_weights`"):
        evaluate("bicubic", str(pictures))
    assert evaluate("bicubic", str(pictures), feature_weights=value).feature_network is None


def test_the_weights_of_the_feature_network_may_be_a_text(pictures, tmp_path):
    with pytest.raises(UsageError, match=r"missing\.pth does not hold the weights"):
        evaluate("bicubic", str(pictures), feature_weights=str(tmp_path / "missing.pth"))


def test_the_patch_distance_is_that_of_the_whole_set(pictures):
    originals = [file.read() for file in list_images(pictures)]
    outputs = [bicubic(LOW_RES["cv2"](pixels, 4), 4) for pixels in originals]
    scores = evaluate("bicubic", str(pictures), low_res="cv2", feature_weights=NO_FEATURES)
    assert scores.patch_distance == patch_distance(outputs, originals)
    assert scores.as_dict()["patch_distance"] == scores.patch_distance


def test_a_model_is_scored_through_the_upscaler_at_any_scale(pictures, tiny_model):
    own = evaluate(str(tiny_model()), str(pictures), feature_weights=NO_FEATURES)
    other = evaluate(str(tiny_model()), str(pictures), scale=4, feature_weights=NO_FEATURES)
    assert (own.scale, other.scale) == (2, 4)
    assert len(own.model_sha256) == 64


def test_the_fidelity_is_used_and_printed(pictures, partners, capsys):
    def score(model, **fidelity):
        return evaluate(model, str(pictures), feature_weights=NO_FEATURES, **fidelity)

    near, half, far = score("near"), score("near", fidelity=0.5), score("near", fidelity=1)
    assert (near.fidelity, half.fidelity, far.fidelity) == (None, 0.5, 1)
    assert far.pictures == score("far").pictures != near.pictures != half.pictures
    assert len({near.model_sha256, half.model_sha256, far.model_sha256}) == 3
    words = ["evaluate", "near", "--data", str(pictures), "--feature-weights", "none"]
    assert main([*words, "--fidelity", "0.5"]) == 0
    assert capsys.readouterr().out.startswith(f"near at fidelity 0.5 on {pictures}, x2, ")


def test_the_baseline_has_no_fidelity(pictures):
    with pytest.raises(UsageError, match="bicubic has no weights"):
        evaluate("bicubic", str(pictures), feature_weights=NO_FEATURES, fidelity=0.5)


def test_sides_that_are_not_a_multiple_are_cropped_and_tiny_images_lack_scores(tmp_path):
    Image.new("RGB", (21, 19), (10, 20, 30)).save(tmp_path / "small.png")
    scores = evaluate("bicubic", str(tmp_path), feature_weights=NO_FEATURES)
    assert scores.pictures[0].psnr_y == float("inf")
    assert scores.pictures[0].ssim_y is None
    assert scores.texture is scores.original_texture is None
    assert "ssim_y" not in scores.mean()


def test_images_too_small_for_a_patch_have_no_patch_distance(tmp_path):
    Image.new("RGB", (10, 40)).save(tmp_path / "narrow.png")
    scores = evaluate("bicubic", str(tmp_path), scale=2, feature_weights=NO_FEATURES)
    assert scores.patch_distance is None
    assert scores.pictures[0].consistency == float("inf")


def test_of_a_prepared_set_the_validation_images_are_scored(tmp_path):
    for folder, names in (("train", "ab"), ("val", "c")):
        (tmp_path / folder).mkdir()
        for name in names:
            Image.new("RGB", (40, 40)).save(tmp_path / folder / f"{name}.png")
    done = []
    scores = evaluate(
        "bicubic", str(tmp_path), feature_weights=NO_FEATURES,
        on_scored=lambda *counts: done.append(counts),
    )  # fmt: skip
    assert [image.name for image in scores.pictures] == ["c"]
    assert scores.data == f"{tmp_path}/val"
    assert done == [(1, 1)]


def test_json_has_no_infinity_and_people_read_it(tmp_path, capsys):
    Image.new("RGB", (112, 80), (9, 9, 9)).save(tmp_path / "flat.png")
    line = ["evaluate", "bicubic", "--data", str(tmp_path), "--feature-weights", "none"]
    assert main([*line, "--json"]) == 0
    values = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert values["pictures"][0]["psnr_y"] is values["mean"]["consistency"] is None
    assert values["patch_distance"] == 0
    assert values["texture"] == {"pattern": 0, "grain": pytest.approx(0, abs=1e-9), "windows": 2}
    assert main(line) == 0
    header, legend, row, mean, whole, originals = capsys.readouterr().out.splitlines()
    scores = "psnr_y inf, ssim_y 1.0000, consistency inf"
    assert header == f"bicubic on {tmp_path}, x4, low-res by matlab"
    assert legend == (
        "better if higher: psnr_y, ssim_y, consistency; better if lower: patch_distance, pattern; "
        "better if near the originals: grain"
    )
    assert (row, mean) == (f"flat: {scores}", f"mean of 1 images: {scores}")
    assert whole == "the whole set: patch_distance 0.0000, pattern 0.0000, grain 0.0000"
    assert originals == "the originals, 2 flat windows: pattern 0.0000, grain 0.0000"


def test_sets_without_a_flat_window_say_why_two_scores_are_missing(tmp_path, capsys):
    image = Image.effect_noise((160, 160), 40).convert("RGB")
    # The size of a window, but between two of them, and within reach of the noise around it.
    image.paste((128, 128, 128), (56, 56, 120, 120))
    image.save(tmp_path / "square.png")
    words = ["evaluate", "bicubic", "--data", str(tmp_path), "--feature-weights", "none"]
    assert main(words) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert last == (
        "Pattern and grain are not measured: they need flat areas, such as a clear sky, and no "
        "square of 64 x 64 pixels that was examined is flat. This is no fault."
    )


def damage(path):
    """Cut a copy of an image short: its header is complete, and its pixels are not."""
    Image.effect_noise((64, 64), 40).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:2000])


@pytest.fixture
def partly_damaged(pictures, tmp_path):
    """Two images, one that is cut short, and one that is no image; and their folder zipped."""
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("0.png", "1.png"):
        shutil.copy(pictures / name, folder)
    damage(folder / "cut.png")
    (folder / "text.jpg").write_bytes(b"no image")
    shutil.make_archive(str(folder), "zip", folder)
    return folder


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_damaged_images_are_skipped_and_named(partly_damaged, pictures, capsys, kind):
    data, separator = str(partly_damaged), "/"
    if kind == "zip":
        data, separator = f"{data}.zip", ":"
    line = ["evaluate", "bicubic", "--data", data, "--feature-weights", "none"]
    assert main([*line, "--json"]) == 3
    shown = capsys.readouterr()
    values = json.loads(shown.out)
    names = [f"{data}{separator}{name}" for name in ("text.jpg", "cut.png")]
    assert [entry["name"] for entry in values["skipped"]] == names
    assert [entry["code"] for entry in values["skipped"]] == ["E_NOT_AN_IMAGE", "E_DAMAGED"]
    assert values["scored"] == 2
    alone = evaluate("bicubic", str(pictures), feature_weights=NO_FEATURES).as_dict()
    assert values["pictures"] == alone["pictures"][:2]
    *_, text, cut, count = shown.err.splitlines()
    assert text.startswith(f"{names[0]}: ")
    assert cut.startswith(f"{names[1]}: ")
    assert count == "2 images could not be read, and the scores are without them."
    assert main(line) == 3
    shown = capsys.readouterr()
    assert "2 images could not be read: the scores are of the other 2" in shown.out.splitlines()
    assert "mean of 2 images: " in shown.out
    assert count in shown.err


def test_without_a_readable_image_there_is_one_error(tmp_path, capsys):
    for name in ("a.png", "b.png"):
        damage(tmp_path / name)
    line = ["evaluate", "bicubic", "--data", str(tmp_path), "--feature-weights", "none"]
    assert main([*line, "--json"]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    [message] = shown.err.splitlines()
    assert f"No image in {tmp_path} can be read; the first is {tmp_path}/a.png: " in message


def test_a_set_of_which_one_image_is_left_has_no_score_of_sets(partly_damaged, monkeypatch):
    scorer = SimpleNamespace(add=lambda *_: None, scores=pytest.fail)
    monkeypatch.setattr("srgan_gp.evaluation.evaluate.TorchmetricsScorer", lambda _: scorer)
    (partly_damaged / "1.png").unlink()
    with pytest.raises(UsageError, match="there is only one image"):
        evaluate("bicubic", str(partly_damaged), feature_weights=NO_FEATURES, metrics=["kid"])


def test_an_error_of_the_model_is_no_damaged_image(pictures, monkeypatch):
    def broken(pixels, scale):
        raise PictureError("E_MODEL_OUTPUT", "not finite")

    monkeypatch.setattr("srgan_gp.evaluation.evaluate.bicubic", broken)
    with pytest.raises(PictureError, match="not finite"):
        evaluate("bicubic", str(pictures), feature_weights=NO_FEATURES)


def test_an_image_smaller_than_the_ignored_border_is_named(tmp_path):
    Image.new("RGB", (40, 12)).save(tmp_path / "enough.png")
    assert evaluate("bicubic", str(tmp_path), feature_weights=NO_FEATURES).mean()
    Image.new("RGB", (40, 11)).save(tmp_path / "thin.png")
    with pytest.raises(UsageError, match=r"1 of 2 .* below 12 pixels.*thin\.png"):
        evaluate("bicubic", str(tmp_path), feature_weights=NO_FEATURES)


@pytest.mark.parametrize("scale", [0, -2])
def test_a_scale_below_one_is_refused(pictures, scale):
    with pytest.raises(UsageError, match=f"not {scale}"):
        evaluate("bicubic", str(pictures), scale=scale, feature_weights=NO_FEATURES)


def test_the_command_offers_the_ways_there_are():
    assert list(command.LOW_RES) == list(LOW_RES)


def test_an_unknown_way_is_refused(pictures):
    with pytest.raises(UsageError, match="area-jpeg75"):
        evaluate("bicubic", str(pictures), low_res="lanczos")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("folder", "low_res", "psnr", "ssim", "distance"),
    [
        ("Set5", "matlab", 28.43, 0.8113, 2.711),
        ("Set14", "matlab", 26.09, 0.7049, 3.651),
        ("Set14", "cv2", 25.15, None, 3.84),
        ("Set14", "area-jpeg75", 25.50, None, 4.60),
        ("Set14", "real", 24.66, None, 5.30),
    ],
)
def test_the_bicubic_rows_of_the_peers_are_reproduced(folder, low_res, psnr, ssim, distance):
    mean = evaluate(
        "bicubic",
        f"{SHARED}/data/bench_sr.zip:{folder}/HR",
        low_res=low_res,
        feature_weights=SQUEEZENET,
    ).mean()
    assert mean["psnr_y"] == pytest.approx(psnr, abs=0.01)
    assert ssim is None or mean["ssim_y"] == pytest.approx(ssim, abs=1e-4)
    assert mean["squeeze_distance"] == pytest.approx(distance, abs=0.006)
