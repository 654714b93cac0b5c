"""Previews of uploads: same size, on white, and of uploads only."""

import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from srgan_gp.errors import PictureError
from srgan_gp.serving.http.server import build_app


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


def test_a_browser_keeps_a_preview_as_long_as_the_server_keeps_the_upload(open_service):
    service = open_service(keep_seconds=90)
    path = service.uploads / "a.tiff"
    Image.new("L", (4, 4)).save(path)
    client = TestClient(build_app(service))
    response = client.get("/api/preview", params={"file": str(path)})
    assert response.headers["cache-control"] == "private, max-age=90"
