import pytest

from srgan_gp.errors import without_option_advice


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        ("9 pixels; make it smaller or raise --max-pixels", "9 pixels; make it smaller"),
        ("9 allowed; raise --max-pixels, or pass --frames first", "9 allowed"),
        ("choose a smaller scale, or pass --frames first", "choose a smaller scale"),
        ("there is not enough memory for it; pass a smaller --tile or --scale",
         "there is not enough memory for it"),
        ("9 pixels, more than 8. Make it smaller. Raise --max-pixels.",
         "9 pixels, more than 8. Make it smaller."),
        ("the file is damaged or cut short; get a whole copy of it",
         "the file is damaged or cut short; get a whole copy of it"),
    ],
)  # fmt: skip
def test_advice_about_options_is_removed_and_other_advice_stays(message, plain):
    assert without_option_advice(message) == plain
