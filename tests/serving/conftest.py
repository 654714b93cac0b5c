"""Small models under names, and a service that decodes in this process."""

import io

import numpy as np
import pytest
from PIL import Image

from srgan_gp.images.reading import decode_picture
from srgan_gp.serving.jobs import Service
from srgan_gp.serving.settings import Settings


@pytest.fixture
def png(rng):
    """The bytes of a PNG of 16 x 12 pixels."""
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def models(tiny_model, tiny_face_model, onnx_models, monkeypatch):
    """Install `tiny`, which enlarges twice, and `tiny-faces`; gives their folder."""
    path = tiny_model()
    onnx_models.write_card(path)
    faces = {"task": "face-generation", "scale": None, "image_size": 8}
    onnx_models.write_card(tiny_face_model(), **faces)
    monkeypatch.setenv("SRGAN_GP_MODELS", str(path.parent))
    return path.parent


class DecoderHere:
    """Decodes in this process, which is quick to start and nothing for strangers."""

    max_pixels = 25_000_000

    def decode(self, data, name, stopper):
        stopper.check()
        data = data if isinstance(data, bytes) else data.read_bytes()
        return decode_picture(io.BytesIO(data), max_pixels=self.max_pixels)

    def close(self):
        """Nothing to end."""


@pytest.fixture
def open_service(models, tmp_path):
    """Open services with other settings; all are closed in the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    services = []

    def open_one(**changes):
        values = {"model": "tiny", "device": "cpu", "threads": 1, "folder": folder}
        services.append(Service(Settings(**values | changes), decoders=DecoderHere()))
        return services[-1]

    yield open_one
    for service in services:
        service.close()


@pytest.fixture
def service(open_service):
    return open_service()
