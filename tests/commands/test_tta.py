"""`upscale --tta`: the result, its name in reports, and the journal."""

import json

import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.inference.upscaler import Upscaler


def read_pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def upscale(partners, folder, tmp_path, capsys):
    """Run `srgan-gp upscale` into a folder: (exit code, stdout, stderr, pixels of the result)."""
    out = tmp_path / "out"

    def run(*arguments):
        fixed = ["upscale", str(folder / "a.png"), "-n", "near", "--device", "cpu", "-o", str(out)]
        code = main([*fixed, *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err, read_pixels(out / "a.png")

    return run


@pytest.mark.parametrize("option", ["-x", "--tta"])
def test_the_result_is_that_of_the_python_class_and_the_report_names_it(upscale, folder, option):
    code, out, _, pixels = upscale(option, "--json")
    assert code == 0
    assert json.loads(out)["model"] == "near with TTA"
    image = read_pixels(folder / "a.png")
    averaging = Upscaler.load("near", device="cpu", tta=True)
    np.testing.assert_array_equal(pixels, averaging.upscale(image))
    assert (pixels != Upscaler.load("near", device="cpu").upscale(image)).any()


def test_the_journal_keeps_results_with_and_without_it_apart(upscale):
    plain = upscale()[3]
    code, _, error, pixels = upscale("--tta")
    assert code != 0
    assert "without --tta, now --tta" in error
    np.testing.assert_array_equal(pixels, plain)
    assert upscale("--tta", "--exist", "overwrite")[0] == 0
    code, _, _, pixels = upscale("--tta")
    assert code == 0
    assert (pixels != plain).any()
    assert "--tta, now without --tta" in upscale()[2]
