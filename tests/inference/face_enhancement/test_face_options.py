import math

import pytest

from srgan_gp.errors import UsageError
from srgan_gp.inference.face_enhancement.face_options import FaceOptions, FaceResult, count_faces


@pytest.mark.parametrize("strength", [-0.1, 1.01, math.nan, math.inf])
def test_a_strength_outside_0_to_1_is_refused(strength):
    with pytest.raises(UsageError, match="from 0 to 1"):
        FaceOptions.of(strength)


@pytest.mark.parametrize("strength", ["strong", True])
def test_a_strength_that_is_no_number_is_refused(strength):
    with pytest.raises(TypeError, match="must be a number"):
        FaceOptions.of(strength)


def test_a_number_is_the_strength_and_options_stay():
    options = FaceOptions(0.5, "classic-x4")
    assert FaceOptions.of(options) is options
    assert FaceOptions.of(1) == FaceOptions(1.0)


def test_values_are_those_that_are_known():
    left = FaceResult((1, 2, 3, 4), 0.9, "unchanged", "too small")
    assert left.values() == {
        "box": (1, 2, 3, 4), "score": 0.9, "done": "unchanged", "reason": "too small",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reasons", "text"),
    [
        ([], "no face found"),
        ([None], "1 face enhanced"),
        ([None, None], "2 faces enhanced"),
        ([None, "too small", "too small"], "1 face enhanced, 2 unchanged (too small)"),
        (["too small", "large enough"], "0 faces enhanced, 2 unchanged (too small; large enough)"),
    ],
)
def test_faces_are_counted_for_people(reasons, text):
    faces = [
        FaceResult((0, 0, 9, 9), 0.9, "unchanged" if reason else "enhanced", reason).values()
        for reason in reasons
    ]
    assert count_faces(faces) == text
