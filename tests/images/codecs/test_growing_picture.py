"""Images that another thread still computes are encoded only as far as they are complete."""

import io
import threading

import numpy as np
import pytest

from srgan_gp.errors import Cancelled
from srgan_gp.images import Picture, encode_image
from srgan_gp.images.codecs import row_encoding
from srgan_gp.images.codecs.growing_picture import GrowingPicture, RowProgress

PATIENCE = 60


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_complete_when_all_rectangles_above_are(seed):
    rng = np.random.default_rng(seed)
    height, width = 40, 30
    boxes = [((y, min(y + 7, height)), (x, min(x + 11, width)))
             for y in range(0, height, 7) for x in range(0, width, 11)]  # fmt: skip
    progress, stored = RowProgress(height, width), np.zeros((height, width), bool)
    for index in rng.permutation(len(boxes)):
        rows, columns = boxes[index]
        progress.add(rows, columns)
        stored[slice(*rows), slice(*columns)] = True
        complete = int(np.cumprod(stored.all(axis=1)).sum())
        progress.wait(complete)
        if complete < height:
            thread = threading.Thread(target=waits, args=(progress, complete + 1), daemon=True)
            thread.start()
            thread.join(0.01)
            assert thread.is_alive()
    progress.wait(height + 100)


def waits(progress, rows):
    try:
        progress.wait(rows)
    except Cancelled:
        return False
    return True


def test_cancel_ends_waiting():
    progress = RowProgress(4, 4)
    progress.add((0, 2), (0, 4))
    results = []
    thread = threading.Thread(target=lambda: results.append(waits(progress, 4)))
    thread.start()
    progress.cancel()
    thread.join(PATIENCE)
    assert results == [False]
    progress.wait(2)  # these are complete
    with pytest.raises(Cancelled):
        progress.wait(3)


@pytest.mark.parametrize("name", ["png", "tiff", "jpeg", "gif", "bmp"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_no_pixel_is_read_before_it_is_complete(monkeypatch, name, dtype, channels):
    monkeypatch.setattr(row_encoding, "_BAND_BYTES", 300)
    rng = np.random.default_rng(0)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    values = (rng.random((30, 20, channels)) * top).astype(dtype)
    colours = 1 if channels == 2 else channels
    alpha = values[..., -1] if channels == 2 else None
    whole = Picture(values[..., :colours].copy(), alpha=alpha)
    expected = io.BytesIO()
    encode_image(whole, expected, format=name)
    growing = GrowingPicture.of(whole, np.zeros_like(whole.pixels), alpha)
    file = io.BytesIO()
    thread = threading.Thread(
        target=encode_image, args=(growing, file), kwargs={"format": name}, daemon=True
    )
    thread.start()
    for row in range(30):
        thread.join(0.001)
        assert thread.is_alive()
        growing.pixels[row] = whole.pixels[row]
        growing.progress.add((row, row + 1), (0, 20))
    thread.join(PATIENCE)
    assert file.getvalue() == expected.getvalue()
