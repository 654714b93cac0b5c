import pytest

from srgan_gp.cli import main


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("generate -o a.png --trunc", "0,5"),
        ("upscale a.jpg --scale", "2,5"),
        ("upscale a.jpg --scale", "2,5x"),
        ("upscale a.jpg --face-strength", "0,5"),
        ("upscale a.jpg --fidelity", ",5"),
        ("prepare a.jpg -o a.zip --most-blur", "0,5"),
        ("prepare a.jpg -o a.zip --validation-share", "0,5"),
        ("export run -n mine --blend-share", "0,5"),
    ],
)
def test_a_decimal_comma_gets_the_number_to_write(command, value, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), value])
    assert stop.value.code == 2
    number = value.removesuffix("x")
    assert f": write {number.replace(',', '.')}, not {number}" in capsys.readouterr().err


def test_a_share_that_is_no_number_is_named(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["prepare", "a.jpg", "-o", "a.zip", "--most-blur", "half"])
    assert stop.value.code == 2
    assert "--most-blur: need a number such as 0.5, not half" in capsys.readouterr().err
