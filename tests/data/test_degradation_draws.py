from dataclasses import replace

import numpy as np
import pytest

from srgan_gp.data.degradation_draws import CLEAN_DOWNSCALERS, DAMAGED_DOWNSCALERS, STRENGTHS, draw
from srgan_gp.data.resampling import NAMES

NUMBERS = range(4000)
CLEAN = 0.3
TOLERANCE = 0.03  # nearly four standard deviations of a share of 4,000, more for smaller shares


@pytest.fixture(scope="module", params=STRENGTHS.values(), ids=STRENGTHS)
def strength(request):
    return request.param


@pytest.fixture(scope="module")
def draws(strength):
    return draw(7, NUMBERS, CLEAN, strength)


def effects(damage):
    """Which images are blurred, noisy and JPEG-compressed: (3, B)."""
    return np.stack([damage.blur_sigmas[:, 0] > 0, damage.noise_sigmas > 0, damage.qualities > 0])


def same(damage, other, which=np.s_[:]):
    return all(
        np.array_equal(values[which], other_values)
        for values, other_values in zip(vars(damage).values(), vars(other).values(), strict=True)
    )


def test_the_draw_of_an_image_is_the_same_in_any_batch(draws, strength):
    numbers = [3999, 17, 2]
    few = draw(7, numbers, CLEAN, strength)
    assert same(draws.first, few.first, numbers)
    assert same(draws.second, few.second, numbers)
    assert np.array_equal(draws.downscalers[numbers], few.downscalers)
    assert np.array_equal(draws.round_trips[numbers], few.round_trips)
    assert not np.array_equal(draws.first.poisson, draw(8, NUMBERS, CLEAN, strength).first.poisson)


def test_fewer_clean_images_do_not_change_the_others(draws, strength):
    none_clean = draw(7, NUMBERS, 0.0, strength)
    touched = effects(draws.first).any(axis=0)
    for name in ("blur_sigmas", "noise_sigmas", "qualities"):
        ours, theirs = getattr(draws.first, name), getattr(none_clean.first, name)
        assert np.array_equal(ours[touched], theirs[touched])


def test_the_share_of_each_effect_is_the_stated_one(draws, strength):
    first, second = strength.first, strength.second
    wanted = np.array([first.blur_share, first.noise_share, first.jpeg_share]) * (1 - CLEAN)
    assert np.abs(effects(draws.first).mean(axis=1) - wanted).max() < TOLERANCE
    twice = draws.round_trips < 1
    assert twice.mean() == pytest.approx(strength.second_share * (1 - CLEAN), abs=TOLERANCE)
    assert not effects(draws.second)[:, ~twice].any()
    wanted = np.array([second.blur_share, second.noise_share, second.jpeg_share])
    assert np.abs(effects(draws.second)[:, twice].mean(axis=1) - wanted).max() < 3 * TOLERANCE


def test_kinds_of_blur_and_noise_have_their_shares(draws, strength):
    first = strength.first
    blurred, noisy, _ = effects(draws.first)
    along, across = draws.first.blur_sigmas[blurred].T
    assert (along == across).mean() == pytest.approx(first.isotropic_share, abs=2 * TOLERANCE)
    assert draws.first.grey[noisy].mean() == pytest.approx(first.grey_share, abs=2 * TOLERANCE)
    poisson = draws.first.poisson[noisy].mean()
    assert poisson == pytest.approx(first.poisson_share, abs=2 * TOLERANCE)


def test_values_fill_their_ranges_evenly(draws, strength):
    first, ranges = draws.first, strength.first
    for values, (lowest, highest) in [
        (first.blur_sigmas[first.blur_sigmas[:, 0] > 0, 0], ranges.blur_sigma),
        (first.noise_sigmas[first.noise_sigmas > 0], ranges.noise_sigma),
        (first.qualities[first.qualities > 0], ranges.quality),
        (first.blur_angles, (0, np.pi)),
    ]:
        quarters = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
        expected = np.linspace(lowest, highest, 5)
        assert np.abs(quarters - expected).max() < 0.05 * (highest - lowest)
        assert lowest <= values.min() <= values.max() <= highest
    assert {ranges.quality[0], ranges.quality[1]} <= set(first.qualities.tolist())


def test_the_two_rounds_are_drawn_independently(strength):
    draws = draw(7, NUMBERS, 0.0, replace(strength, second_share=1.0))
    first, second = (
        np.column_stack([np.asarray(v, float) for v in vars(damage).values()]).T
        for damage in (draws.first, draws.second)
    )
    assert len(first) == 7
    assert (second.std(axis=1) > 0).all()
    # One standard deviation of a correlation of 4,000 pairs is 0.016.
    assert np.abs(np.corrcoef(first, second)[:7, 7:]).max() < 0.07


@pytest.mark.parametrize(
    ("clean_share", "wanted"), [(1.0, CLEAN_DOWNSCALERS), (0.0, DAMAGED_DOWNSCALERS)]
)
def test_downscalers_have_their_shares(clean_share, wanted):
    shares = np.bincount(draw(1, NUMBERS, clean_share).downscalers, minlength=5) / len(NUMBERS)
    assert np.abs(shares - wanted).max() < TOLERANCE
    assert sum(wanted) == pytest.approx(1)


def test_clean_images_are_only_downscaled():
    clean = draw(1, NUMBERS, 1.0)
    assert not effects(clean.first).any()
    assert not effects(clean.second).any()
    assert (clean.round_trips == 1).all()
    assert {clean.describe(i) for i in range(200)} == set(NAMES)


def test_a_description_names_the_effects_with_their_values(draws):
    first = draws.first
    for i in range(200):
        text = draws.describe(i)
        assert text.startswith(NAMES[draws.downscalers[i]])
        assert (f"jpeg {first.qualities[i]}" in text) == (first.qualities[i] > 0)
        assert ("grey" in text.partition("again")[0]) == (
            first.grey[i] and first.noise_sigmas[i] > 0
        )
        assert ("again: size x" in text) == (draws.round_trips[i] < 1)


def test_harsh_damage_is_worse_than_mild_in_every_respect():
    mild, harsh = (draw(7, NUMBERS, CLEAN, STRENGTHS[name]) for name in ("mild", "harsh"))
    assert (harsh.round_trips < 1).sum() > 3 * (mild.round_trips < 1).sum()
    assert harsh.first.blur_sigmas.max() > 2.9 > 2.0 >= mild.first.blur_sigmas.max()
    assert harsh.first.noise_sigmas.max() > 19 > 10 >= mild.first.noise_sigmas.max()
    qualities = [draws.first.qualities[draws.first.qualities > 0] for draws in (mild, harsh)]
    assert qualities[0].min() == 40
    assert qualities[1].min() == 30
