"""Previews of uploads: same size, on white, and of uploads only."""

import io

import numpy as np
import pytest
from PIL import Image

from srgan_gp.errors import PictureError


def test_a_preview_has_the_size_of_the_upload_and_is_on_white(real_service):
    path = real_service.uploads / "a.tiff"
    Image.new("RGBA", (40, 30), (0, 0, 0, 0)).save(path)
    with Image.open(io.BytesIO(real_service.previews.jpeg(path))) as image:
        assert (image.format, image.size) == ("JPEG", (40, 30))
        assert np.asarray(image).min() == 255


@pytest.mark.parametrize("name", ["../outside.png", "missing.png", "link.png"])
def test_only_uploads_have_a_preview(real_service, name):
    outside = real_service.uploads.parent / "outside.png"
    Image.new("RGB", (4, 4)).save(outside)
    (real_service.uploads / "link.png").symlink_to(outside)
    with pytest.raises(PictureError, match="there is no such upload"):
        real_service.previews.jpeg(real_service.uploads / name)
    with pytest.raises(PictureError, match="there is no such upload"):
        real_service.previews.check(real_service.uploads / name)


def test_a_truncated_upload_fails_its_check(real_service):
    whole, half = (real_service.uploads / name for name in ("whole.jpg", "half.jpg"))
    Image.new("RGB", (40, 30), (200, 100, 0)).save(whole)
    half.write_bytes(whole.read_bytes()[:-40])
    assert real_service.previews.check(whole) is True
    with pytest.raises(PictureError, match="the JPEG file is damaged or truncated"):
        real_service.previews.check(half)


def test_a_busy_server_does_not_check(real_service, monkeypatch):
    monkeypatch.setattr("srgan_gp.serving.decoding.previews._CHECK_WAIT_SECONDS", 0.01)
    path = real_service.uploads / "a.png"
    Image.new("RGB", (4, 4)).save(path)
    with real_service.previews._lock:
        assert real_service.previews.check(path) is False
    assert real_service.previews.check(path) is True
