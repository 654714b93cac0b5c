"""Verdict of a fine-tuning, on invented scores."""

from dataclasses import replace

import numpy as np
import pytest

from srgan_gp.finetuning.finetune_verdict import judge, table
from srgan_gp.training.options.presets import PRESETS

WAY = "matlab"


def scores(rng, distance=2.0, psnr=30.0, pattern=0.1, shift=0.5, count=30):
    """Scores of `count` images that differ much more than the means do."""
    spread = np.random.default_rng(1).normal(0, 0.5, count)
    return {
        ("squeeze_distance", WAY): distance + spread + rng.normal(0, 0.01, count),
        ("psnr_y", WAY): psnr + spread,
        ("pattern", WAY): np.array([pattern]),
        ("colour_shift", WAY): shift + 0 * spread,
    }


@pytest.fixture
def config(gan_config):
    return gan_config(best_by="squeeze_distance", most_psnr_loss=0.3)


def test_a_gain_of_nearly_all_images_is_better(rng, config):
    verdict = judge(scores(rng), scores(rng, distance=1.8), config)
    assert verdict.is_better
    assert "-10.0 %" in verdict.reasons[0] or "-9.9 %" in verdict.reasons[0]
    assert "30 of 30" in verdict.reasons[0]


def test_a_deciding_score_that_was_trained_on_is_labelled(rng, gan_config):
    options = {"best_by": "squeeze_distance", "most_psnr_loss": 0.3}
    reasons = {
        loss: judge(scores(rng), scores(rng), gan_config(**options, perceptual_loss=loss)).reasons[
            0
        ]
        for loss in ("none", "squeeze")
    }
    assert "trained on" not in reasons["none"]
    unused = gan_config(**options, perceptual_loss="squeeze", perceptual_weight=0.0)
    assert "trained on" not in judge(scores(rng), scores(rng), unused).reasons[0]
    assert "(lower is better; its features were also trained on)" in reasons["squeeze"]


@pytest.mark.parametrize(
    ("critic", "is_labelled"), [("projected_critic", True), ("face_critic", False)]
)
def test_a_score_of_faces_is_labelled_if_the_critic_sees_its_features(critic, is_labelled):
    config = replace(
        PRESETS["tiny-faces"], critic=critic, image_size=32, best_by="kid_squeeze",
        perceptual_loss="squeeze",
    )  # fmt: skip
    values = {("kid_squeeze", ""): np.array([1.0, 2.0, 3.0, 4.0])}
    assert ("trained on" in judge(values, values, config).reasons[0]) is is_labelled


def test_what_may_be_chance_is_not_better(rng, config):
    before = scores(rng)
    noise = np.random.default_rng(2).normal(0, 1, 30)
    after = scores(rng) | {
        ("squeeze_distance", WAY): before["squeeze_distance", WAY] + noise - noise.mean() - 0.05
    }
    verdict = judge(before, after, config)
    assert not verdict.is_better
    assert "may be chance" in verdict.reasons[0]


def test_a_gain_below_the_noise_of_the_score_is_not_better(rng, config):
    """An equal gain of all images has no scatter, but may be far below what a model changes."""
    before = scores(rng)
    after = before | {("squeeze_distance", WAY): before["squeeze_distance", WAY] - 0.005}
    assert judge(before, after, config).is_better
    verdict = judge(before, after, config, noise=0.004)
    assert not verdict.is_better
    assert "may be chance: with 30 values a gain below 0.008" in verdict.reasons[0]
    assert judge(before, after, config, noise=0.002).is_better


def test_the_same_scores_are_not_better(rng, config):
    before = scores(rng)
    verdict = judge(before, before, config)
    assert not verdict.is_better
    assert "not a gain" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("change", "word"),
    [({"psnr": 29.6}, "PSNR-Y"), ({"shift": 3.0}, "colours")],
)
def test_a_gain_that_loses_something_else_is_not_better(rng, config, change, word):
    verdict = judge(scores(rng), scores(rng, distance=1.5, **change), config)
    assert not verdict.is_better
    assert word in verdict.reasons[0]


def test_the_pattern_is_shown_and_decides_nothing(rng, config):
    verdict = judge(scores(rng), scores(rng, distance=1.5, pattern=0.9), config)
    assert verdict.is_better
    [row] = [row for row in verdict.rows if row.metric == "pattern"]
    assert (row.before, row.after) == (0.1, 0.9)


def test_the_values_of_the_originals_are_a_column_and_no_rows(rng, config):
    original = {("original_pattern", WAY): np.array([0.05])}
    verdict = judge(scores(rng) | original, scores(rng, distance=1.5) | original, config)
    assert {row.metric: row.originals for row in verdict.rows} == {
        "squeeze_distance": None, "psnr_y": None, "pattern": 0.05, "colour_shift": None,
    }  # fmt: skip
    heading, *lines = table(verdict.rows)
    assert heading.endswith("  originals")
    assert [line.endswith("0.05") for line in lines] == [False, False, True, False]
    assert len(lines[2]) == len(heading)  # aligned on the right
    without = table(judge(scores(rng), scores(rng), config).rows)
    assert without[0].endswith("change")


def test_scores_of_faces_have_their_spread_in_the_last_column(gan_config):
    before = {("kid_squeeze", ""): np.full(4, 3.0)}
    after = {("kid_squeeze", ""): np.array([1.0, 2.0, 3.0, 2.0])}
    verdict = judge(before, after, gan_config(best_by="kid_squeeze"))
    [row] = verdict.rows
    assert row.spread == pytest.approx((2 / 3) ** 0.5)  # of the sample: divided by 3
    heading, line = table(verdict.rows)
    assert (heading.split()[-1], line.split()[-1]) == ("spread", "0.8165")


def test_repeating_the_training_images_is_not_better(gan_config):
    config = gan_config(best_by="kid_squeeze", least_novelty=0.5)

    def found(distance, novelty):
        values = {("kid_squeeze", ""): distance + np.array([0.0, 0.01, 0.02])}
        return values | {("novelty", ""): np.full(3, novelty)}

    assert judge(found(1.0, 0.9), found(0.5, 0.8), config).is_better
    verdict = judge(found(1.0, 0.9), found(0.1, 0.4), config)
    assert not verdict.is_better
    assert "repeats" in verdict.reasons[0]


def test_psnr_is_better_when_it_is_higher(rng, tiny_config):
    config = tiny_config(best_by="psnr_y")
    assert judge(scores(rng), scores(rng, psnr=30.2), config).is_better
    assert not judge(scores(rng), scores(rng, psnr=29.8), config).is_better


def test_an_image_without_a_score_is_ignored(rng, config):
    before, after = scores(rng), scores(rng, distance=1.5)
    before["squeeze_distance", WAY][0] = after["squeeze_distance", WAY][0] = np.nan
    assert "29 of 29" in judge(before, after, config).reasons[0]


def test_the_table_has_a_line_for_each_score(rng, config):
    lines = table(judge(scores(rng), scores(rng, distance=1.0), config).rows)
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1
    assert lines[1].startswith(f"squeeze distance ({WAY})")
    assert lines[3].split()[-3:] == ["0.1", "+0.0", "%"]


def test_the_fewer_the_values_the_more_they_have_to_gain(gan_config):
    config = gan_config(best_by="kid_squeeze")

    def found(*values):
        return {("kid_squeeze", ""): np.array(values)}

    # Mean gain 1, deviation 0.71 of four values: 2.8 standard errors, where t asks for 3.2.
    before, after = found(5.0, 5.0, 5.0, 5.0), found(3.5, 4.5, 3.2, 4.8)
    verdict = judge(before, after, config)
    assert not verdict.is_better
    assert "may be chance: with 4 values a gain below" in verdict.reasons[0]
    many = (found(*before["kid_squeeze", ""].tolist() * 5) for before in (before, after))
    assert judge(*many, config).is_better


@pytest.mark.parametrize("values", [[], [1.0], [np.nan, np.nan, 1.0]])
def test_too_few_values_are_no_proof(gan_config, values):
    config = gan_config(best_by="kid_squeeze")
    before = {("patch_distance", ""): np.ones(3)}
    if values:
        before["kid_squeeze", ""] = np.array(values)
    after = {key: value - 0.5 for key, value in before.items()}
    verdict = judge(before, after, config)
    assert not verdict.is_better
    assert "KID-squeeze are too few" in verdict.reasons[0]
