from pathlib import Path

import pytest

from srgan_gp.data.image_sources import ImageFile
from srgan_gp.data.validation_halves import FEWEST_TO_SPLIT, HALVES, half_used, validation_half
from srgan_gp.errors import UsageError


def files(count):
    return [ImageFile(Path("faces.zip"), f"{n:04}.jpg") for n in range(count)]


@pytest.mark.parametrize("count", [FEWEST_TO_SPLIT, FEWEST_TO_SPLIT + 1, 1577])
def test_the_halves_are_disjoint_equal_and_together_everything(count):
    whole = files(count)
    choice, report = (validation_half(whole, half) for half in ("choice", "report"))
    assert not set(choice) & set(report)
    assert set(choice) | set(report) == set(whole)
    assert 0 <= len(choice) - len(report) <= 1


def test_the_halves_are_fixed():
    choice, report = (validation_half(files(1577), half) for half in ("choice", "report"))
    assert [file.stem for file in choice[:3]] == ["0000", "0002", "0004"]
    assert [file.stem for file in report[:3]] == ["0001", "0003", "0005"]
    assert choice == validation_half(files(1577), "choice")


@pytest.mark.parametrize("half", HALVES)
def test_a_small_set_is_used_whole(half):
    few = files(FEWEST_TO_SPLIT - 1)
    assert validation_half(few, half) == few
    assert half_used(len(few), half) == "all"


def test_the_half_that_is_used_is_named():
    assert half_used(FEWEST_TO_SPLIT, "report") == "report"
    assert validation_half(files(500), "all") == files(500)


def test_another_half_is_refused():
    with pytest.raises(UsageError, match="Unknown half 'third'"):
        validation_half(files(4), "third")
