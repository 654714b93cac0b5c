"""Images for the tests of this folder."""

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def scene():
    """Make an image with soft and hard edges: call it with height, width; returns (H, W, 3) uint8.

    Its levels stay away from 0 and 255, so that nothing that overshoots is clipped on the way.
    """

    def make(height, width, seed=0):
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((height, width, 3))
        soft = cv2.GaussianBlur(noise, (0, 0), 4) * 90 + cv2.GaussianBlur(noise, (0, 0), 1) * 20
        hard = 30 * (cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), 6) > 0)
        return (110 + soft + hard[..., None]).clip(40, 215).round().astype(np.uint8)

    return make
