"""Previews of uploads in formats that browsers cannot display, such as HEIC and TIFF, as JPEG.

The page shows them in its input fields, where a click selects a region of the image.
"""

import io
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture
from srgan_gp.images.colour import to_depth
from srgan_gp.serving.decoding.decode_pool import DecodePool
from srgan_gp.serving.jobs.job_cancellation import Cancellation
from srgan_gp.serving.public_messages import errors_for_clients

_QUALITY = 85
"""Quality of the JPEG files: higher makes larger downloads, lower shows more artefacts."""


class Previews:
    """Makes previews, one at a time, so that other decoder processes remain free for jobs.

    Args:
        decoders: decode the images.
        uploads: directory of uploads; other files are refused.
    """

    def __init__(self, decoders: DecodePool, uploads: Path) -> None:
        self._decoders = decoders
        self._uploads = uploads
        self._lock = threading.Lock()  # held while a preview is made

    def jpeg(self, path: Path) -> bytes:
        """Return an upload as JPEG of the same size, so that a click on it names the same pixel.

        Args:
            path: path of the upload. Only the visitor who sent the upload knows it, so that nobody
                else can see the image.

        Raises:
            PictureError: there is no such upload, it is not an image, or it is too large.
            BusyError: the system cannot start a decoder process, or one starts too slowly.
        """
        path = path.resolve()
        if not path.is_relative_to(self._uploads.resolve()) or not path.is_file():
            raise PictureError("E_NO_UPLOAD", "there is no such upload")
        never_cancelled = Cancellation()
        with errors_for_clients(), self._lock:  # messages without paths of the server
            return _jpeg(self._decoders.decode(path, path.name, never_cancelled))


def _jpeg(picture: Picture) -> bytes:
    """Encode an image as 8-bit JPEG; an image with alpha is drawn on white.

    `Picture.pixels` is (H, W, 3), or (H, W, 1) for grey.
    """
    pixels = to_depth(picture.pixels, np.uint8)
    if picture.alpha is not None:
        alpha = to_depth(picture.alpha, np.uint8)[..., np.newaxis].astype(np.uint16)
        # In uint16: each product, and the sum of the two, is at most 255 * 255 = 65025.
        pixels = ((pixels * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
    is_grey = pixels.shape[2] == 1
    image = Image.fromarray(pixels[..., 0] if is_grey else pixels)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, icc_profile=picture.icc_profile)
    return file.getvalue()
