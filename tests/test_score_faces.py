"""The script that writes the scores of a model of faces into its card."""

import importlib.util
from pathlib import Path

import pytest

from srgan_gp.training.face_scores import FaceScores, SetScores

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "score_faces.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("score_faces", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_row_says_how_it_was_measured(script):
    own = SetScores("mine", 9.0, 0.5, {64: 10.0, 32: 30.0}, 0.3, 0.5)
    held_out = SetScores("real, held out", pairwise_distance=0.4, one_face=1.0)
    scores = FaceScores("mine", "0" * 64, "val.zip", (), 700, 64, "f" * 64, own, (), held_out, 0.9)
    rows = list(script.rows("val", scores))
    found = {row["metric"]: (row["value"], row["protocol"]) for row in rows[:5]}
    network = ", SqueezeNet 1.1 ffffffffffff"
    assert found == {
        "FD-squeeze": (9.0, f"seeds from 0, 700 faces a set{network}"),
        "KID-squeeze": (0.5, f"seeds from 0, 700 faces a set{network}"),
        "pairwise squeeze distance": (0.3, f"seeds from 0, 700 faces a set{network}"),
        "share with one face": (0.5, "seeds from 0, 256 faces a set, YuNet at 256 px"),
        "SWD": (20.0, "seeds from 0, 700 faces a set, mean over the levels"),
    }
    assert [row["protocol"].partition(",")[0] for row in rows[5:7]] == ["real"] * 2
    relative = {row["metric"]: (row["value"], row["protocol"]) for row in rows[7:9]}
    assert relative == {
        "pairwise squeeze distance, over that of real faces": (0.75, "700 faces a set"),
        "share with one face, over that of real faces": (0.5, "256 faces a set"),
    }
    assert (rows[9]["metric"], rows[9]["value"]) == ("novelty", 0.9)
