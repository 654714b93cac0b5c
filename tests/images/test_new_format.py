"""A new output format is one row of `FORMATS` and its encoder: nothing else has to be changed."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.results.disk_forecast import forecast
from srgan_gp.cli import main
from srgan_gp.errors import PictureError
from srgan_gp.images import FORMATS, Picture, check_encodable, read_image, write_image
from srgan_gp.images.formats import Format

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def encoder(make):
    """An encoder of uncompressed PNG, which `read_image` detects by its content."""

    def encode(picture, file, quality):
        alpha = [] if picture.alpha is None else [picture.alpha[..., None]]
        file.write(make.png(np.concatenate([picture.pixels, *alpha], axis=2)))

    return encode


@pytest.fixture
def row(encoder, monkeypatch):
    row = Format((".raw", ".rw"), encoder, max_side=100, max_profile_bytes=0, max_metadata_bytes=0,
                 has_quality=True, file_bytes_per_pixel=7.0)  # fmt: skip
    monkeypatch.setitem(FORMATS, "RAW", row)
    return row


@pytest.mark.usefixtures("row")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_it_is_written_by_name_and_by_suffix(rng, make, tmp_path, dtype):
    pixels = rng.integers(0, np.iinfo(dtype).max, (5, 7, 3), dtype)
    picture = Picture(pixels, alpha=pixels[..., 0], exif=make.exif({0x0112: 1}))
    for name, options in (("a.raw", {}), ("a.rw", {}), ("a.png", {"format": "raw"})):
        (warning,) = write_image(picture, tmp_path / name, **options)
        assert warning == "RAW cannot hold this EXIF data: it was removed"
        np.testing.assert_array_equal(read_image(tmp_path / name).pixels, pixels)
        np.testing.assert_array_equal(read_image(tmp_path / name).alpha, pixels[..., 0])


@pytest.mark.usefixtures("row")
def test_its_limits_are_checked():
    check_encodable(100, 100, "RAW")
    with pytest.raises(PictureError, match="101 x 5 pixels do not fit RAW"):
        check_encodable(5, 101, "RAW")


@pytest.mark.usefixtures("row")
def test_the_command_line_writes_it(rng, tiny_model, tmp_path):
    pixels = rng.integers(0, 256, (12, 16, 3), np.uint8)
    (tmp_path / "in").mkdir()
    write_image(Picture(pixels), tmp_path / "in" / "a.png")
    options = ["-f", "raw", "-n", str(tiny_model()), "--device", "cpu", "-q", "raw=50"]
    assert main(["upscale", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *options]) == 0
    assert read_image(tmp_path / "out" / "a.raw").pixels.shape == (24, 32, 3)


@pytest.mark.usefixtures("row")
def test_the_disk_forecast_uses_its_size(rng, tmp_path):
    write_image(Picture(rng.integers(0, 256, (12, 16, 3), np.uint8)), tmp_path / "a.png")
    job = UpscaleJob(tmp_path / "a.png", tmp_path / "a.raw", None)
    assert forecast(job, UpscaleSettings(), 2).bytes == 24 * 32 * 7


@pytest.mark.usefixtures("row")
def test_the_table_of_formats_lists_it():
    rows = runpy.run_path(str(ROOT / "scripts" / "what_is_kept.py"))["rows"]
    assert any(
        line.startswith("| RAW | yes | 16 | yes | yes | converted to sRGB") for line in rows()
    )
