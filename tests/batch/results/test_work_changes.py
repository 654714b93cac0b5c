"""Descriptions of the difference between an earlier result and that of a run."""

import json
from dataclasses import replace

import pytest

from srgan_gp.batch.results.work import Work, work_key
from srgan_gp.batch.results.work_changes import describe_change

TYPED = {"model": "m", "look": None, "fidelity": None, "precision": "float32"}
FACES = {"face_strength": 1.0, "face_model": "f 1234", "face_detector": "5678"}


def work(sha256="a", model="m", /, **options):
    values = {"scale": 4, "quality": None, "strip_metadata": False} | options
    return Work(work_key(sha256, **values), model, sha256, json.dumps(values))


def typed(sha256="a", model="m", /, **options):
    """Return work with the values that the user typed, as `upscale` records it."""
    return work(sha256, model, **TYPED | options)


@pytest.mark.parametrize(
    ("made", "now", "differences"),
    [
        (typed("b", precision="int8"), typed(), "--precision int8, now float32"),
        (typed(), typed("b", precision="int8"), "--precision float32, now int8"),
        (typed(), typed(quality=80), "the default quality, now -q 80"),
        (typed(quality=90), typed(quality={"JPEG": 80}), "-q 90, now jpeg=80"),
        (typed(), typed(scale=None, width=800), "without --width, now --width 800"),
        (typed(scale=None, width=900), typed(scale=None, width=800), "--width 900, now 800"),
        (typed(), typed(strip_metadata=True), "metadata kept, now --strip-metadata"),
        (
            typed("b", "m at 0.5", look="natural", fidelity=0.5, scale=2.5),
            typed(),
            "--look natural, now without --look; scale 2.5, now 4",
        ),
        (
            typed(),
            typed("b", "m at 1", look="faithful", fidelity=1),
            "without --look, now --look faithful",
        ),
        (typed(), typed("b", fidelity=0.3), "without --fidelity, now --fidelity 0.3"),
        (typed("b", "small", scale=2), typed(), "scale 2, now 4"),
        (typed(), typed(**FACES), "without --faces, now --faces"),
        (typed(**FACES), typed(**FACES | {"face_strength": 0.5}), "--face-strength 1, now 0.5"),
        (typed(**FACES), typed(**FACES | {"face_strength": 0.0}), "--face-strength 1, now 0"),
        (typed(**FACES), typed(**FACES | {"face_strength": 0}), "--face-strength 1, now 0"),
    ],
)
def test_options_are_named_as_they_are_typed(made, now, differences):
    change = describe_change(made.key, made, now)
    assert change.kind == "work"
    assert change.text == f"made with other options ({differences})"


def test_another_requested_model_is_named_alone():
    made, now = typed("b"), replace(typed(look="natural"), model="n")
    now = replace(now, options=now.options.replace('"m"', '"n"'))
    assert describe_change(made.key, made, now).text == "made by m, now n"


@pytest.mark.parametrize(("fidelity", "weights"), [(0, "m"), (1, "n")])
def test_the_name_of_an_earlier_version_at_fidelity_0_or_1_is_no_other_model(fidelity, weights):
    made = typed("b", f"m at fidelity {fidelity} (towards n)", fidelity=fidelity)
    name = f"m at fidelity {fidelity} (the weights of {weights})"
    change = describe_change(made.key, made, typed("a", name, fidelity=fidelity))
    assert (change.kind, change.text) == ("model version", f"made by an earlier version of {name}")


def test_another_partner_of_an_average_is_another_model():
    made, now = (
        typed(sha256, f"m at fidelity 0.5 (towards {partner})", fidelity=0.5)
        for sha256, partner in (("b", "n"), ("a", "o"))
    )
    assert describe_change(made.key, made, now).kind == "work"


def test_an_empty_suffix_is_no_difference():
    made, now = work("b", suffix=""), work("a", suffix=None)
    assert describe_change(made.key, made, now).kind == "model version"


def test_a_model_that_the_scale_chooses_now_is_explained():
    made, now = work("b", "m", scale=2), typed("a", "small", scale=2)
    assert describe_change(made.key, made, now).text == (
        "made by m, now small, the default for this size (-n m continues with m)"
    )


def test_a_version_is_not_confused_with_a_precision():
    made, now = typed("b", precision="int8"), typed(precision="int8")
    change = describe_change(made.key, made, now)
    assert (change.kind, change.text) == ("model version", "made by an earlier version of m")
    # A row of an earlier version of this program does not have the precision.
    change = describe_change("key", work("b"), now)
    assert change.kind == "model version"
    assert change.text == "made by an earlier version of m, or with another --precision"
