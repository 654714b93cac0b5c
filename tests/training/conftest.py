from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from srgan_gp.training.loop import train
from srgan_gp.training.presets import PRESETS


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of four smooth coloured pictures of 72 x 64 pixels; not to be changed."""
    folder = tmp_path_factory.mktemp("pictures")
    rows, columns = np.indices((64, 72)) / 10
    for n in range(4):
        waves = [np.sin(rows * (1 + n / 3) + c) * np.cos(columns / (1 + n) + c) for c in range(3)]
        pixels = np.rint(127.5 + 120 * np.stack(waves, -1)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return folder


@pytest.fixture(scope="session")
def waves():
    """Draw square pictures of one kind, (N, 32, 32, 3): random colours, periods and phases."""

    def draw(rng, count):
        rows, columns = np.indices((32, 32))[..., None] / 32
        phases, periods = rng.uniform(0, 6, (count, 2, 3)), rng.uniform(2, 12, (count, 2, 3))
        values = [
            np.sin(rows * up[0] + at[0]) * np.cos(columns * up[1] + at[1])
            for at, up in zip(phases, periods, strict=True)
        ]
        return np.rint(127.5 + 120 * np.stack(values)).astype(np.uint8)

    return draw


@pytest.fixture(scope="session")
def tiny_config():
    """The preset `tiny`, with changes."""

    def make(**changes):
        return replace(PRESETS["tiny"], device="cpu", **changes)

    return make


@pytest.fixture(scope="session")
def finished_run(tiny_config, pictures, tmp_path_factory):
    """The folder of a run of the preset `tiny` that was never stopped; not to be changed."""
    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    return train(tiny_config(), [str(pictures)], run_dir, validation=str(pictures))


@pytest.fixture(scope="session")
def gan_config():
    """The preset `tiny-gan`, with changes."""
    return lambda **changes: replace(PRESETS["tiny-gan"], device="cpu", **changes)


@pytest.fixture(scope="session")
def gan_run(gan_config, pictures, tmp_path_factory):
    """The folder of a run of `tiny-gan` that was never stopped; not to be changed."""
    run_dir = tmp_path_factory.mktemp("runs") / "gan"
    config = gan_config(checkpoint_images=16, keep_checkpoints=9)
    return train(config, [str(pictures)], run_dir, validation=str(pictures))
