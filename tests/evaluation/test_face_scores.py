from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from srgan_gp.evaluation.face_scores import (
    METRICS,
    FaceScorer,
    FaceScores,
    SetScores,
    share_with_one_face,
)
from srgan_gp.evaluation.score_lines import face_score_lines
from srgan_gp.losses.features import Features
from srgan_gp.metrics.aligned_face_distances import AlignedFaceDistances
from srgan_gp.metrics.border_ratio import border_ratio
from srgan_gp.metrics.diversity import pairwise_distance
from srgan_gp.metrics.feature_distances import frechet_distance, kernel_distance, pooled_features
from srgan_gp.metrics.sliced_wasserstein import pyramid_distance
from srgan_gp.metrics.torchmetrics_scores import CLASSES, TorchmetricsScores

FID, KID = CLASSES["fid"], CLASSES["kid"]


@pytest.fixture(scope="module")
def features():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 8, 5, 4), nn.ReLU(), nn.Conv2d(8, 12, 3, 2))
    return Features(layers, (2,), 17)


class BrightCorners:
    """Finds a face in each of the four corners that is white; notes the sizes it saw."""

    def __init__(self):
        self.shapes = []

    def detect(self, pixels):
        self.shapes.append(pixels.shape)
        corners = (pixels[0, 0], pixels[0, -1], pixels[-1, 0], pixels[-1, -1])
        return [SimpleNamespace(score=0.9) for corner in corners if corner.min() > 200]


def with_corners(*counts):
    """Make black pictures of 12 x 12 with so many white corners."""
    pictures = np.zeros((len(counts), 12, 12, 3), np.uint8)
    places = [(slice(4), slice(4)), (slice(4), slice(8, 12)), (slice(8, 12), slice(4))]
    for picture, count in zip(pictures, counts, strict=True):
        for place in places[:count]:
            picture[place] = 255
    return pictures


def scores(memorisation=None, **own):
    validation = SetScores("real, validation", pairwise_distance=4.0, one_face=0.8)
    return FaceScores(
        "tiny", "0" * 64, "val", (), 9, 32, None, SetScores("tiny", **own), (), validation,
        memorisation, "report", 9,
    )  # fmt: skip


def test_the_share_counts_exactly_one_face_in_upscaled_images():
    detector = BrightCorners()
    assert share_with_one_face(detector, with_corners(0, 1, 1, 1, 2, 3, 1, 0)) == 4 / 8
    assert set(detector.shapes) == {(256, 256, 3)}


def test_the_detector_is_run_on_a_limited_number_of_faces(monkeypatch):
    monkeypatch.setattr("srgan_gp.evaluation.face_scores.DETECTED_FACES", 3)
    detector = BrightCorners()
    assert share_with_one_face(detector, with_corners(1, 1, 0, 0, 0, 0)) == 2 / 3
    assert len(detector.shapes) == 3


def test_a_set_has_the_scores_of_the_modules_that_measure_them(rng, waves, features):
    real, faces = waves(rng, 12), waves(rng, 12)
    found = FaceScorer(real, features, None).score("a set", faces)
    pooled = pooled_features(features, faces), pooled_features(features, real)
    assert found.name == "a set"
    assert found.fd_squeeze == frechet_distance(*pooled)
    assert found.kid_squeeze == kernel_distance(*pooled)
    assert found.swd == pyramid_distance(faces, real)
    assert found.pairwise_distance == pairwise_distance(features, faces)
    assert found.one_face is None
    assert found.by_name()["swd"] == pytest.approx(np.mean(list(found.swd.values())))


def test_pairs_of_sets_have_equal_numbers_and_the_other_distances_take_all(rng, waves, features):
    real, faces = waves(rng, 8), waves(rng, 12)
    maps = SimpleNamespace(features=lambda faces: faces.mean((1, 2)))
    found = FaceScorer(real, features, None, maps, 6).score("a set", faces)
    pooled = pooled_features(features, faces[:6]), pooled_features(features, real[:6])
    assert found.fd_squeeze == frechet_distance(*pooled)
    assert found.swd == pyramid_distance(faces[:6], real[:6])
    distances = AlignedFaceDistances(real, maps).distances(faces)
    assert {name: getattr(found, name) for name in distances} == distances
    assert len(distances) == 3
    assert (found.border, found.count) == (border_ratio(faces, real), 12)
    assert list(found.by_name()) == list(METRICS)


def test_the_validation_faces_have_scores_of_their_own(rng, waves, features):
    real = waves(rng, 6)
    validation = FaceScorer(real, features, BrightCorners()).validation
    assert validation.pairwise_distance == pairwise_distance(features, real)
    assert validation.one_face == 0
    assert validation.fd_squeeze is validation.kid_squeeze is validation.swd is None
    assert validation.by_name()["swd"] is None


def test_without_networks_and_with_tiny_faces_the_other_scores_remain(rng, waves, features):
    bare = FaceScorer(waves(rng, 4), None, None).score("bare", waves(rng, 4)).by_name()
    alone = {"swd", "fd_hog", "fd_pca", "border"}
    assert {name for name, value in bare.items() if value is not None} == alone
    flat = FaceScorer(with_corners(1, 2), features, None)
    tiny = flat.score("tiny", with_corners(1, 3)).by_name()
    known = {name for name, value in tiny.items() if value is not None}
    assert known == {"fd_squeeze", "kid_squeeze"}


def test_the_relative_scores_are_over_those_of_the_validation_faces():
    assert scores(pairwise_distance=3.0, one_face=0.2).relative() == pytest.approx(
        {"diversity": 0.75, "one_face": 0.25}
    )
    assert scores().relative() == {"diversity": None, "one_face": None}


@pytest.mark.parametrize(("ratio", "verdict"), [(None, False), (0.49, True), (0.5, False)])
def test_the_alarm_is_below_a_half(ratio, verdict):
    assert scores(memorisation=ratio).is_memorising is verdict
    assert scores(memorisation=ratio).as_dict()["is_memorising"] is verdict


@pytest.mark.parametrize(
    ("memorisation", "own", "expected"),
    [
        (None, {"fd_hog": 2.0}, "better if lower: FD-hog; better if near the real faces: "),
        (0.9, {"border": 1.0}, "better if higher: share with one face; better if near 1: border"),
        (None, {"pairwise_distance": 3.0}, "share with one face; better if near 1: diversity"),
    ],
)
def test_the_legend_has_only_the_scores_that_are_printed(memorisation, own, expected):
    found = scores(memorisation, **own)
    found = replace(found, validation=replace(found.validation, count=9))
    _, directions, *_ = face_score_lines(found)
    assert expected in directions
    assert ("novelty" in directions) == (memorisation is not None)
    assert "FD-yunet" not in directions


@pytest.mark.parametrize(("count", "warns"), [(30, True), (399, True), (400, False)])
def test_few_validation_faces_are_warned_of(count, warns):
    """Each distance is marked, so that it is not copied without the warning."""
    found = scores(fd_hog=2.0, swd={16: 3.0}, kid_squeeze=0.5, border=1.0)
    found = replace(
        found,
        validation=replace(found.validation, count=count),
        torchmetrics=TorchmetricsScores("1", {FID: "", KID: ""}, 9, {FID: 7.0, f"{KID} mean": 1.0}),
    )
    lines = list(face_score_lines(found))
    start = f"* warning: {count} validation faces are few. "
    assert lines[-1].startswith(start) == warns
    mark = "*" if warns else ""
    row = f"FD-hog 2.0000{mark}, KID-squeeze 0.5000, SWD 3.0000{mark}, border ratio 1.0000"
    assert f"tiny: {row}" in lines
    assert f"  {FID} 7.0000{mark}" in lines
    assert f"  {KID} mean 1.0000" in lines
    values = found.as_dict()
    assert values["model"].get("unreliable") == (["fd_hog", "swd"] if warns else None)
    assert values["torchmetrics"].get("unreliable") == ([FID] if warns else None)
    assert (values["warning"] or "").startswith(start[2:]) == warns
    assert "*" not in str(values)
