"""Stand-ins for the detector and for the model of the faces."""

import numpy as np
import pytest

from srgan_gp.detection.face_alignment import TEMPLATE
from srgan_gp.detection.face_detection import Face
from srgan_gp.inference.upscaler import Upscaler


@pytest.fixture
def face_at():
    """Make a face from its centre and side in pixels, turned clockwise by some degrees."""

    def make(x, y, side, degrees=0, score=0.9):
        angle = np.deg2rad(degrees)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = (TEMPLATE - 0.5) * 1.5 * side @ turn.T + (x - 0.5, y - 0.5)
        box = (x - 0.5 - side / 2, y - 0.5 - side / 2, side, side)
        return Face(box, points, score)

    return make


@pytest.fixture
def detector_of():
    """Make a detector that returns the given faces in every photo, if it is not turned."""

    class Detector:
        def __init__(self, *faces):
            self.faces, self.seen = list(faces), []

        def detect(self, pixels):
            assert pixels.dtype == np.uint8 and pixels.shape[2] == 3
            self.seen.append(pixels)
            return self.faces if len(self.seen) % 4 == 1 else []

    return Detector


@pytest.fixture
def dotted(fake_session):
    """An upscaler that repeats pixels and adds a fine checkerboard, whose mean is 0."""

    def make(scale=2, height=0.1, **info):
        def run(images):
            upscaled = images.repeat(scale, axis=2).repeat(scale, axis=3)
            rows, columns = np.indices(upscaled.shape[2:])
            return upscaled + np.float32(height) * (1 - 2 * ((rows + columns) % 2))

        return Upscaler(fake_session(run, scale=scale, name="dotted", **info))

    return make


@pytest.fixture
def as_dtype():
    """Convert an 8-bit image to another depth and number of channels."""

    def convert(pixels, dtype=np.uint8, channels=3):
        pixels = pixels[..., :channels]
        if dtype == np.float32:
            return pixels.astype(np.float32) / 255
        return pixels.astype(dtype) * (257 if dtype == np.uint16 else 1)

    return convert
