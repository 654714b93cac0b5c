"""`srgan-gp upscale --faces`: options, report, journal."""

import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.detection.face_alignment import TEMPLATE
from srgan_gp.detection.face_detection import Face, FaceDetector
from srgan_gp.images import read_image
from srgan_gp.inference.face_enhancement import face_enhancer

BOX = (15, 18, 30, 24)  # of the fake face, with a border around it


@pytest.fixture
def photo(tmp_path, scene):
    path = tmp_path / "photo.png"
    Image.fromarray(scene(64, 80)).save(path)
    return path


@pytest.fixture
def detector(tmp_path, monkeypatch):
    """Replaces YuNet: one face in every photo of 80 pixels width, none in others."""

    class FakeDetector:
        file = tmp_path / "yunet.onnx"
        calls = 0

        def detect(self, pixels):
            FakeDetector.calls += 1  # the first of four is that of the photo as it is
            if pixels.shape[1] != 80 or FakeDetector.calls % 4 != 1:
                return []
            points = (TEMPLATE - 0.5) * 30 + (29.5, 29.5)
            return [Face((19.5, 21.5, 20, 16), points, 0.9123)]

    FakeDetector.file.write_bytes(b"a network")
    # Repeated pixels agree with the photo better than a model of faces could.
    monkeypatch.setattr(face_enhancer, "MAX_LOSS", 100)
    seen = []
    monkeypatch.setattr(FaceDetector, "load", lambda path: seen.append(path) or FakeDetector())
    return seen


def pixels_of(path):
    return read_image(path).pixels.copy()


@pytest.mark.usefixtures("detector")
def test_faces_are_enhanced_and_reported(upscale, photo, tmp_path):
    code, report, _ = upscale(photo, "-o", tmp_path / "out", "--faces")
    [entry] = report["pictures"]
    [face] = entry["faces"]
    assert code == 0
    assert (face["box"], face["score"], face["done"]) == ([*BOX], 0.912, "enhanced")
    assert face["side"] == 17.9  # of a square with the area of the detector's box, 20 x 16
    assert report["face_strength"] == 1 and report["face_model"].startswith("face-x4 ")
    upscale(photo, "-o", tmp_path / "plain")
    faces, plain = pixels_of(tmp_path / "out/photo.png"), pixels_of(tmp_path / "plain/photo.png")
    left, top, width, height = (4 * side for side in BOX)
    inside = (slice(top, top + height), slice(left, left + width))
    assert (faces[inside] != plain[inside]).any()
    faces[inside] = plain[inside]
    np.testing.assert_array_equal(faces, plain)


@pytest.mark.usefixtures("detector")
def test_a_photo_without_faces_says_so_and_one_without_the_option_does_not(
    upscale, photo, tmp_path, capsys, repeating_model
):
    Image.new("RGB", (30, 20)).save(tmp_path / "empty.png")
    _, report, _ = upscale(tmp_path / "empty.png", "-o", tmp_path / "out", "--faces")
    assert report["pictures"][0]["faces"] == []
    _, report, _ = upscale(photo, "-o", tmp_path / "plain")
    assert "faces" not in report["pictures"][0] and "face_model" not in report
    main(["upscale", str(photo), "-n", str(repeating_model), "--faces", "--device", "cpu"])
    assert "; 1 face enhanced" in capsys.readouterr().err


@pytest.mark.usefixtures("detector")
def test_faces_are_part_of_what_makes_a_result(upscale, photo, tmp_path):
    arguments = [photo, "-o", tmp_path / "out", "--exist", "overwrite"]
    done = [
        upscale(*arguments, *options)[1]["done"]
        for options in (
            [], [], ["--faces"], ["--faces"], ["--faces", "--face-strength", "0.5"],
            ["--faces", "--face-model", "classic-x4"], ["--faces", "--face-model", "classic-x4"],
        )
    ]  # fmt: skip
    assert done == [1, 0, 1, 0, 1, 1, 0]
    _, report, _ = upscale(photo, "-o", tmp_path / "out")
    [entry] = report["pictures"]
    assert "made with other options (--faces, now without --faces)" in entry["message"]


@pytest.mark.usefixtures("detector")
def test_the_strength_reaches_the_result(upscale, photo, tmp_path):
    results = {}
    for strength in ("0", "0.5", "1"):
        folder = tmp_path / f"strength{strength[:1]}{strength[2:]}"
        upscale(photo, "-o", folder, "--faces", "--face-strength", strength)
        results[strength] = pixels_of(folder / "photo.png").astype(int)
    upscale(photo, "-o", tmp_path / "plain")
    np.testing.assert_array_equal(results["0"], pixels_of(tmp_path / "plain/photo.png"))
    middle = (results["0"] + results["1"]) / 2
    assert np.abs(results["0.5"] - middle).max() <= 1


@pytest.mark.usefixtures("detector")
def test_faces_of_an_animation_have_the_number_of_their_frame(upscale, scene, tmp_path):
    frames = [Image.fromarray(scene(64, 80, seed)) for seed in range(2)]
    frames[0].save(tmp_path / "film.webp", save_all=True, append_images=frames[1:], lossless=True)
    _, report, _ = upscale(tmp_path / "film.webp", "-o", tmp_path / "out", "--faces")
    [entry] = report["pictures"]
    assert [face["frame"] for face in entry["faces"]] == [1, 2]


@pytest.mark.usefixtures("detector")
@pytest.mark.parametrize("scale", ["2", "3.3"])
def test_any_scale_keeps_the_rest_of_the_photo(upscale, photo, tmp_path, scale):
    upscale(photo, "-o", tmp_path / "out", "--faces", "-s", scale)
    upscale(photo, "-o", tmp_path / "plain", "-s", scale)
    faces, plain = pixels_of(tmp_path / "out/photo.png"), pixels_of(tmp_path / "plain/photo.png")
    changed = np.argwhere((faces != plain).any(2))[:, ::-1] / float(scale)
    left, top, width, height = BOX
    assert len(changed) > 100
    assert (changed.min(0) >= (left, top)).all()
    assert (changed.max(0) < (left + width, top + height)).all()


def test_the_detector_that_is_named_is_used(upscale, photo, tmp_path, detector):
    upscale(photo, "-o", tmp_path / "out", "--faces", "--detector", "some.onnx")
    assert [str(path) for path in detector] == ["some.onnx"]


@pytest.mark.parametrize(
    "option", [["--face-strength", "0.5"], ["--face-model", "face-x4"], ["--detector", "x.onnx"]]
)
def test_options_of_faces_need_faces(upscale, photo, option):
    code, _, errors = upscale(photo, *option)
    assert code == 2
    assert f"{option[0]} needs --faces" in errors


@pytest.mark.parametrize("strength", ["1.5", "-0.1", "nan", "much"])
def test_a_strength_outside_0_to_1_is_refused(photo, capsys, strength):
    with pytest.raises(SystemExit):
        main(["upscale", str(photo), "--faces", "--face-strength", strength])
    assert f"from 0 to 1, not {strength}" in capsys.readouterr().err


def test_a_missing_detector_is_one_error_that_says_how_to_get_it(upscale, photo):
    code, _, errors = upscale(photo, "--faces")
    assert code != 0
    assert "srgan-gp fetch face-detector" in errors
    assert "Or pass --detector FILE." in errors and "`detector`" not in errors
    assert errors.count("error:") == 1
    assert not photo.with_name("photo_x4.png").exists()


@pytest.mark.usefixtures("detector")
def test_a_face_model_for_another_task_is_refused(upscale, photo):
    code, _, errors = upscale(photo, "--faces", "--face-model", "faces-64")
    assert code != 0
    assert "faces-64" in errors and "upscaling needs" in errors
