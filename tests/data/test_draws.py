import numpy as np
import pytest

from srgan_gp.data import draws as drawing
from srgan_gp.data.draws import (
    CLEAN_DOWNSCALERS,
    DAMAGED_DOWNSCALERS,
    FIRST,
    SECOND,
    SECOND_SHARE,
    draw,
)
from srgan_gp.data.resampling import NAMES

NUMBERS = range(4000)
CLEAN = 0.3
TOLERANCE = 0.03  # nearly four standard deviations of a share of 4,000, more for smaller shares


@pytest.fixture(scope="module")
def draws():
    return draw(7, NUMBERS, CLEAN)


def effects(damage):
    """Which pictures are blurred, noisy and stored: (3, B)."""
    return np.stack([damage.blur_sigmas[:, 0] > 0, damage.noise_sigmas > 0, damage.qualities > 0])


def same(damage, other, which=np.s_[:]):
    return all(
        np.array_equal(values[which], other_values)
        for values, other_values in zip(vars(damage).values(), vars(other).values(), strict=True)
    )


def test_a_picture_is_drawn_alike_alone_and_in_any_order(draws):
    numbers = [3999, 17, 2]
    few = draw(7, numbers, CLEAN)
    assert same(draws.first, few.first, numbers)
    assert same(draws.second, few.second, numbers)
    assert np.array_equal(draws.downscalers[numbers], few.downscalers)
    assert np.array_equal(draws.round_trips[numbers], few.round_trips)
    assert not np.array_equal(draws.first.poisson, draw(8, NUMBERS, CLEAN).first.poisson)


def test_fewer_clean_pictures_leave_the_others_as_they_were(draws):
    none_clean = draw(7, NUMBERS, 0.0)
    touched = effects(draws.first).any(axis=0)
    for name in ("blur_sigmas", "noise_sigmas", "qualities"):
        ours, theirs = getattr(draws.first, name), getattr(none_clean.first, name)
        assert np.array_equal(ours[touched], theirs[touched])


def test_the_share_of_each_effect_is_the_stated_one(draws):
    wanted = np.array([FIRST.blur_share, FIRST.noise_share, FIRST.jpeg_share]) * (1 - CLEAN)
    assert np.abs(effects(draws.first).mean(axis=1) - wanted).max() < TOLERANCE
    twice = draws.round_trips < 1
    assert twice.mean() == pytest.approx(SECOND_SHARE * (1 - CLEAN), abs=TOLERANCE)
    assert not effects(draws.second)[:, ~twice].any()
    wanted = np.array([SECOND.blur_share, SECOND.noise_share, SECOND.jpeg_share])
    assert np.abs(effects(draws.second)[:, twice].mean(axis=1) - wanted).max() < 3 * TOLERANCE


def test_kinds_of_blur_and_noise_have_their_shares(draws):
    blurred, noisy, _ = effects(draws.first)
    along, across = draws.first.blur_sigmas[blurred].T
    assert (along == across).mean() == pytest.approx(FIRST.isotropic_share, abs=2 * TOLERANCE)
    assert draws.first.grey[noisy].mean() == pytest.approx(FIRST.grey_share, abs=2 * TOLERANCE)
    poisson = draws.first.poisson[noisy].mean()
    assert poisson == pytest.approx(FIRST.poisson_share, abs=2 * TOLERANCE)


def test_values_fill_their_ranges_evenly(draws):
    first = draws.first
    for values, (lowest, highest) in [
        (first.blur_sigmas[first.blur_sigmas[:, 0] > 0, 0], FIRST.blur_sigma),
        (first.noise_sigmas[first.noise_sigmas > 0], FIRST.noise_sigma),
        (first.qualities[first.qualities > 0], FIRST.quality),
        (first.blur_angles, (0, np.pi)),
    ]:
        quarters = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
        expected = np.linspace(lowest, highest, 5)
        assert np.abs(quarters - expected).max() < 0.05 * (highest - lowest)
        assert lowest <= values.min() <= values.max() <= highest
    assert {FIRST.quality[0], FIRST.quality[1]} <= set(first.qualities.tolist())


def test_the_two_rounds_are_drawn_apart(monkeypatch):
    monkeypatch.setattr(drawing, "SECOND_SHARE", 1.0)
    draws = draw(7, NUMBERS, 0.0)
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


def test_clean_pictures_are_only_made_smaller():
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
        assert ("again: size x0." in text) == (draws.round_trips[i] < 1)
