"""`score_faces.py`: the scores of a face generator in its card."""

import importlib.util
from pathlib import Path

import pytest

from srgan_gp.evaluation.face_scores import FaceScores, SetScores

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "score_faces.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("score_faces", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_row_says_how_it_was_measured(script):
    own = SetScores(
        "mine", 9.0, 0.5, {64: 10.0, 32: 30.0}, 0.3, 0.5, 99.94, 1.234, 2.0, 1.5, count=1024
    )
    validation = SetScores("real, validation", pairwise_distance=0.4, one_face=1.0, count=788)
    scores = FaceScores(
        "mine", "0" * 64, "val.zip", (), 1024, 64, "f" * 64, own, (), validation, 0.9, "report",
        788,
        0.7, "d" * 64,
    )  # fmt: skip
    rows = list(script.rows("val", scores))
    assert [row["metric"] for row in rows[:3]] == ["FD-yunet", "diversity", "novelty"]
    own_rows = [row for row in rows if row["protocol"].startswith("seeds from 0")]
    found = {row["metric"]: (row["value"], row["protocol"]) for row in own_rows}
    start = "seeds from 0, truncation 0.7, "
    assert found == {
        "FD-yunet": (99.9, f"{start}1024 faces against 788 (report half), YuNet dddddddddddd"),
        "FD-hog": (1.23, f"{start}1024 faces against 788 (report half)"),
        "FD-pca": (2.0, f"{start}1024 faces against 788 (report half)"),
        "FD-squeeze": (9.0, f"{start}788 faces a set (report half), SqueezeNet 1.1 ffffffffffff"),
        "KID-squeeze": (0.5, f"{start}788 faces a set (report half), SqueezeNet 1.1 ffffffffffff"),
        "SWD": (20.0, f"{start}788 faces a set (report half), mean over the levels"),
        "pairwise squeeze distance": (0.3, f"{start}1024 faces, SqueezeNet 1.1 ffffffffffff"),
        "share with one face": (0.5, f"{start}256 faces, YuNet at 256 px"),
        "border ratio": (1.5, f"{start}1024 faces against 788 (report half)"),
    }
    others = {row["metric"]: row["value"] for row in rows if row not in own_rows}
    assert others == {
        "diversity": 0.75,
        "novelty": 0.9,
        "pairwise squeeze distance": 0.4,
        "share with one face": 1.0,
        "share with one face, over that of real faces": 0.5,
    }
