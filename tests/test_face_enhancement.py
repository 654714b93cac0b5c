"""`face_enhancement.py`: planted faces, seams, sheets, and the tally of blind comparisons."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from srgan_gp.detection.face_detection import Face
from srgan_gp.images import read_image
from srgan_gp.inference.face_enhancement.face_options import FaceResult

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SRGAN_GP_SHARED", ROOT.parent / "shared"))
BOX = (10, 8, 20, 16)  # in the input of the stand-in below


@pytest.fixture(scope="module")
def script():
    """The script, with its folder on `sys.path`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        path = ROOT / "scripts" / "face_enhancement.py"
        spec = importlib.util.spec_from_file_location("face_enhancement", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    for name in [name for name in sys.modules if name.partition(".")[0] == "enhanced_faces"]:
        del sys.modules[name]


@pytest.fixture
def pair_of(script):
    """Make a pair of results, x4: grey without faces, and with `change` added in the box."""

    def make(change, done="enhanced"):
        comparing = sys.modules["enhanced_faces.comparing"]
        low_res = np.full((40, 50, 3), 100, np.uint8)
        low_res[:, ::2] += 8  # so that the surroundings have gradients
        without = low_res.repeat(4, axis=0).repeat(4, axis=1)
        result = without.astype(int)
        left, top, width, height = (4 * side for side in BOX)
        result[top : top + height, left : left + width] += change
        faces = (FaceResult(BOX, 0.9, done),)
        return comparing.Pair(low_res, without, result.astype(np.uint8), faces)

    return make


@pytest.fixture
def fake_comparison(script, pair_of, monkeypatch):
    """Replaces the networks: images wider than 45 pixels have a face, whose result is brighter."""

    class Comparison:
        def __init__(self, *_):
            self.detector = None

        def has_small_faces(self, pixels):
            return pixels.shape[1] > 45

        def pair(self, pixels):
            return pair_of(50)

    monkeypatch.setattr(script, "Comparison", Comparison)


def test_a_change_outside_the_boxes_is_noticed(pair_of):
    pair = pair_of(50)
    assert pair.is_equal_outside()
    pair.with_faces[0, 0, 0] += 1
    assert not pair.is_equal_outside()


def test_a_step_at_the_border_of_a_box_is_a_seam_and_a_soft_change_is_none(pair_of):
    height, width = 4 * BOX[3], 4 * BOX[2]
    [step] = pair_of(60).seams()
    assert step > 3
    rows, columns = np.indices((height, width))
    inwards = np.minimum.reduce([rows, columns, height - 1 - rows, width - 1 - columns])
    [soft] = pair_of(np.minimum(inwards, 30)[..., np.newaxis]).seams()
    assert soft < 0.5
    assert pair_of(60, done="unchanged").seams() == []


def test_scores_are_printed_even_if_no_face_is_enhanced(
    script, pair_of, fake_comparison, monkeypatch, capsys
):
    high_res = np.zeros((160, 200, 3), np.uint8)
    scene = SimpleNamespace(high_res=high_res, box=tuple(4 * side for side in BOX), side=20)
    monkeypatch.setattr(script, "plant", lambda *_: [scene])
    monkeypatch.setattr(script.Features, "load", lambda *_: None)
    monkeypatch.setattr(script, "squeeze_distance", lambda *_: 0.5)
    monkeypatch.setattr(
        script.Comparison, "pair", lambda _self, _pixels: pair_of(0, done="unchanged")
    )
    assert script.main(["planted", "--faces", "faces.zip", "--photos", "photos.zip"]) == 0
    assert "0 enhanced" in (printed := capsys.readouterr().out)
    assert "0 of 0, largest ratio 0.00" in printed


def test_planted_faces_lie_where_their_boxes_say(script, tmp_path):
    """A red square in a green image: the box of the stand-in is that of the square."""
    planting = sys.modules["enhanced_faces.planting"]
    (tmp_path / "faces").mkdir()
    (tmp_path / "photos").mkdir()
    face = np.full((256, 256, 3), (0, 150, 0), np.uint8)
    face[90:160, 100:150] = (250, 0, 0)
    for number in range(3):
        Image.fromarray(face).save(tmp_path / "faces" / f"{number}.png")
    Image.new("RGB", (401, 303), (0, 0, 200)).save(tmp_path / "photos" / "a.png")

    class FindsRed:
        def detect(self, pixels):
            y, x = np.nonzero(pixels[..., 0] > 125)
            box = (float(x.min()), float(y.min()), float(np.ptp(x) + 1), float(np.ptp(y) + 1))
            return [Face(box, np.zeros((5, 2)), 0.9)]

    arguments = (str(tmp_path / "faces"), str(tmp_path / "photos"), 3, FindsRed())
    scenes = list(planting.plant(*arguments))
    assert [scene.side for scene in scenes] == [16, 40, 64]
    for scene in scenes:
        assert scene.high_res.shape == (300, 400, 3)
        found = FindsRed().detect(scene.high_res)[0].box
        assert np.abs(np.array(found) - scene.box).max() <= 1
    again = list(planting.plant(*arguments))
    assert all(
        np.array_equal(one.high_res, other.high_res)
        for one, other in zip(scenes, again, strict=True)
    )


def test_the_box_of_a_face_is_clipped_to_the_photo(tmp_path):
    planting = sys.modules["enhanced_faces.planting"]
    for name, side in (("faces", 256), ("photos", 64)):
        (tmp_path / name).mkdir()
        Image.new("RGB", (side, side)).save(tmp_path / name / "a.png")

    class FindsBeyondTheCorner:
        def detect(self, _pixels):
            return [Face((-64.0, -64.0, 256.0, 256.0), np.zeros((5, 2)), 0.9)]

    arguments = str(tmp_path / "faces"), str(tmp_path / "photos"), 1, FindsBeyondTheCorner()
    assert [scene.box for scene in planting.plant(*arguments)] == [(0, 0, 48, 48)]


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, width in (("face", 50), ("none", 40), ("other", 50)):
        Image.new("RGB", (width, 40)).save(folder / f"{name}.png")
    (folder / "note.txt").write_text("no image")
    return folder


@pytest.mark.usefixtures("fake_comparison")
def test_a_labelled_sheet_shows_input_without_and_with(script, photos, tmp_path):
    assert script.main(["sheets", str(photos), "-o", str(tmp_path / "out")]) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["face-1.png", "other-1.png"]
    row = read_image(tmp_path / "out" / "face-1.png").pixels
    width, height, gap = 2 * 4 * BOX[2], 2 * 4 * BOX[3], 8
    assert row.shape == (height, 3 * width + 4 * gap, 3)
    without, result = row[:, 2 * gap + width :][:, :width], row[:, 3 * gap + 2 * width :][:, :width]
    np.testing.assert_array_equal(result, without + 50)


@pytest.mark.usefixtures("fake_comparison")
def test_the_key_of_a_blind_comparison_says_which_result_is_which(script, photos, tmp_path):
    assert script.main(["sheets", str(photos), "--blind", "-o", str(tmp_path / "blind")]) == 0
    key = json.loads((tmp_path / "blind.key.json").read_text())
    assert sorted(entry["crop"] for entry in key.values()) == ["face 1", "other 1"]
    assert sorted(path.name for path in (tmp_path / "blind").iterdir()) == ["01.png", "02.png"]
    for number, entry in key.items():
        row = read_image(tmp_path / "blind" / f"{int(number):02d}.png").pixels.astype(int)
        width, gap = 2 * 4 * BOX[2], 8
        first, second = (row[:, i * (gap + width) + gap :][:, :width].mean() for i in (1, 2))
        assert entry["with"] == ("A" if first > second else "B")


@pytest.mark.usefixtures("fake_comparison")
def test_no_enhanced_face_is_an_error(script, tmp_path, capsys):
    assert script.main(["sheets", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "no face was enhanced" in capsys.readouterr().err


def tally(script, folder, key, *readers):
    (folder / "key.json").write_text(json.dumps(key))
    paths = [folder / f"r{number}.json" for number in range(len(readers))]
    for path, answers in zip(paths, readers, strict=True):
        path.write_text(json.dumps(answers))
    return script.main(["tally", str(folder / "key.json"), *map(str, paths)])


KEY = {str(n): {"crop": f"c {n}", "with": "A" if n % 2 else "B"} for n in range(1, 5)}


def test_the_tally_counts_preferences_and_half_of_the_ties(script, tmp_path, capsys):
    all_with = {"1": "A", "2": "B", "3": "A", "4": "B"}
    assert tally(script, tmp_path, KEY, all_with, {"1": "A", "2": "A", "3": "=", "4": "A"}) == 0
    assert capsys.readouterr().out.splitlines() == [
        "r0: with 100.0% of 4 crops (0 ties)",
        "r1: with 37.5% of 4 crops (1 ties)",
        "all: with 68.8%",
    ]


@pytest.mark.parametrize("answers", [{"1": "A"}, {"1": "A", "2": "B", "3": "C", "4": "B"}])
def test_missing_and_unknown_answers_are_refused(script, tmp_path, capsys, answers):
    assert tally(script, tmp_path, KEY, answers) == 2
    assert "not A, B or =" in capsys.readouterr().err


@pytest.mark.shared
def test_planted_faces_are_found_and_come_closer_to_the_original(script, capsys):
    """Six faces, three damages, with the real detector and models."""
    data, models = SHARED / "data", SHARED / "models"
    code = script.main([
        "planted", "--faces", str(data / "faces_synth256_val.zip"),
        "--photos", str(data / "photos_val.zip"), "--count", "6",
        "--detector", str(models / "face_detection_yunet.onnx"),
        "--feature-weights", str(models / "squeezenet1_1.safetensors"),
    ])  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    heads = [line for line in lines if not line.startswith(" ")]
    scores = [line for line in lines if line.startswith("  all: ")]
    assert len(heads) == len(scores) == 3
    for head, score in zip(heads, scores, strict=True):
        assert "outside the boxes equal in 6 of 6 photos" in head
        assert float(score.partition("(")[2].partition("%")[0]) <= -10
