"""Small images in a folder, and jobs that upscale them."""

import numpy as np
import pytest
from PIL import Image

from srgan_gp.batch.naming.plan import UpscaleJob


@pytest.fixture
def image_files(tmp_path, rng):
    """Six PNGs of different sizes; the third is black."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(6):
        pixels = rng.integers(1, 256, (4 + number, 6, 3), np.uint8)
        Image.fromarray(pixels * (number != 2)).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


@pytest.fixture
def jobs(image_files, tmp_path):
    """One job for each image, into an empty folder."""
    (tmp_path / "out").mkdir()
    return [UpscaleJob(path, tmp_path / "out" / path.name, None) for path in image_files]


@pytest.fixture
def raising_at_black():
    """Make the `run` of a session that doubles images and raises an error for a black one."""

    def make(error):
        def run(images):
            if not images.any():
                raise error
            return images.repeat(2, axis=2).repeat(2, axis=3)

        return run

    return make
