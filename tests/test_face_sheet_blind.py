"""`face_sheet_blind.py`: unlabelled sheets of faces, and the marks of readers."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "face_sheet_blind.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("face_sheet_blind", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(script, monkeypatch):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["face_sheet_blind.py", *map(str, words)])
        return script.main()

    return call


@pytest.fixture
def key():
    """Positions 1 to 8: ours; 9 to 12: real."""
    labels = [f"seed {n}" for n in range(8)] + [f"real {n}" for n in range(4)]
    return {"positions": {str(n): label for n, label in enumerate(labels, start=1)}}


def save_real(folder, count):
    """Save faces of one colour each, as no generated face is: (255, number, 0)."""
    folder.mkdir()
    for n in range(count):
        Image.new("RGB", (8, 8), (255, n, 0)).save(folder / f"{n:02}.png")
    return folder


def read_key(path):
    return json.loads(path.read_text())["positions"]


def test_the_sheet_agrees_with_its_key(run, tiny_face_model, tmp_path):
    real = save_real(tmp_path / "real", 20)
    words = ["--model", tiny_face_model(), "--real", real, "--seed", 1000]
    assert run(*words, "-o", tmp_path / "out" / "sheet") == 0
    key = read_key(tmp_path / "out" / "sheet-key.json")
    assert list(map(int, key)) == list(range(1, 81))
    ours = sorted(label for label in key.values() if label.startswith("seed"))
    assert ours == [f"seed {n}" for n in range(1000, 1064)]
    sheet = np.asarray(Image.open(tmp_path / "out" / "sheet.png"))
    assert sheet.shape == (8 * 30 + 8, 10 * 16 + 8, 3)
    for place, label in key.items():
        row, column = divmod(int(place) - 1, 10)
        face = sheet[8 + 30 * row + 14 :][:8, 8 + 16 * column :][:, :8]
        is_real = label.startswith("real")
        assert bool(np.ptp(face, axis=(0, 1)).max() == 0) is is_real
        if is_real:
            assert tuple(face[0, 0]) == (255, int(label.removeprefix("real ")), 0)


def test_the_seed_determines_the_sheet(run, tiny_face_model, tmp_path):
    words = ["--model", tiny_face_model(), "--real", save_real(tmp_path / "real", 16)]
    for name, seed in (("a", 1000), ("b", 1000), ("c", 2000)):
        run(*words, "--seed", seed, "-o", tmp_path / "out" / name)
    keys = [
        json.loads((tmp_path / "out" / f"{n}-key.json").read_text())["positions"] for n in "abc"
    ]
    assert keys[0] == keys[1]
    real = [{n for n, label in key.items() if label.startswith("real")} for key in keys]
    assert real[0] != real[2]


def test_shares_are_compared_with_those_of_real_faces(script, key):
    marks = {
        "one": {"sound": {1, 2, 9, 10, 11, 12}, "photo": {9, 10}},
        "two": {"sound": {1, 2, 3, 4, 9, 10, 11, 12}, "photo": {1, 9, 10}},
    }
    assert script.tally(key, marks) == [
        "free of gross deformity, one: 2 of 8 ours, 4 of 4 real, ratio 25.0%",
        "free of gross deformity, two: 4 of 8 ours, 4 of 4 real, ratio 50.0%",
        "free of gross deformity, all readers: 37.5% ours, 100.0% real, ratio 37.5%",
        "pass as a photograph, one: 0 of 8 ours, 2 of 4 real, ratio 0.0%",
        "pass as a photograph, two: 1 of 8 ours, 2 of 4 real, ratio 25.0%",
        "pass as a photograph, all readers: 6.2% ours, 50.0% real, ratio 12.5%",
    ]


def test_the_marks_are_read_from_files(run, key, tmp_path, capsys):
    (tmp_path / "key.json").write_text(json.dumps(key))
    (tmp_path / "one.json").write_text('{"sound": [9], "photo": []}')
    assert run("--tally", tmp_path / "key.json", tmp_path / "one.json") == 0
    printed = capsys.readouterr().out
    assert "free of gross deformity, one.json: 0 of 8 ours, 1 of 4 real, ratio 0.0%" in printed
    assert "pass as a photograph, one.json: 0 of 8 ours, 0 of 4 real, no ratio" in printed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"sound": [81], "photo": []}', "names 81, which is not on the sheet"),
        ('{"sound": [1]}', "exactly the lists sound and photo"),
        ("[1]", "is not a file of marks"),
    ],
)
def test_invalid_marks_are_refused(run, key, tmp_path, capsys, text, message):
    (tmp_path / "key.json").write_text(json.dumps(key))
    (tmp_path / "one.json").write_text(text)
    with pytest.raises(SystemExit) as ended:
        run("--tally", tmp_path / "key.json", tmp_path / "one.json")
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
