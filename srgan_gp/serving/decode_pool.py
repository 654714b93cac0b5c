"""placeholder."""

import io
from pathlib import Path
from srgan_gp.images import Picture
from srgan_gp.images.reading import decode_picture
from srgan_gp.serving.stopping import Stopper


class DecodePool:
    def __init__(self, count: int, max_pixels: int) -> None:
        self._max_pixels = max_pixels

    def decode(self, data: bytes | Path, name: str, stopper: Stopper) -> Picture:
        if isinstance(data, Path):
            data = data.read_bytes()
        return decode_picture(
            io.BytesIO(data), max_pixels=self._max_pixels, suffix=Path(name).suffix
        )

    def close(self) -> None: ...
