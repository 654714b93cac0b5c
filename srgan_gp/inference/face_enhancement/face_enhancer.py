"""`FaceEnhancer`: finds the faces in a photo and enhances the small ones in its result.

The result is the photo upscaled by the main model. A second model, the face model, upscales each
face, and its output is blended into the result.
"""

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.detection.face_detection import FaceDetector
from srgan_gp.errors import UsageError
from srgan_gp.images import Picture, mapped_arrays
from srgan_gp.inference.face_enhancement.face_area import FaceArea, Place
from srgan_gp.inference.face_enhancement.face_blending import (
    blend,
    fidelity_psnr,
    match_colours,
    resample_box,
)
from srgan_gp.inference.face_enhancement.face_options import (
    ENHANCED,
    UNCHANGED,
    FaceOptions,
    FaceResult,
)
from srgan_gp.inference.face_enhancement.face_upscaling import Enlarger, to_floats, upscale_area
from srgan_gp.inference.face_enhancement.photo_faces import Detector, find_faces
from srgan_gp.inference.pixel_values import quantise
from srgan_gp.inference.tiling.alpha import fill_hidden_colours
from srgan_gp.inference.tiling.tiles import Floats
from srgan_gp.system.files import hash_file

Array = NDArray[Any]

SMALLEST_FACE = 10.0
"""Smallest side of a face in pixels of the photo. Smaller faces have too little detail: the face
model would invent most of them."""
LARGEST_FACE = 96.0
"""Largest side of a face in pixels of the photo. The main model is good enough for larger faces,
and the time of the face model grows with the square of the side."""
MAX_LOSS = 1.0
"""A face stays as the main model made it if the face model lowers the PSNR-Y between the downscaled
result and the photo by more than this, in dB. With a higher limit faces may look like somebody
else, with a lower one fewer faces are enhanced."""
COLOUR_RADIUS = 0.25
"""Radius of `match_colours`, relative to the side of the face. A smaller one would copy details of
the main model too, a larger one would leave local differences of colour."""
_DIGITS = 16  # first hexadecimal digits of a SHA-256 that are recorded: 64 bits tell files apart


class FaceEnhancer:
    """Enhances the faces in the results of an upscaler. One call runs at a time.

    Args:
        detector: detects faces; enhancers made by `sharing` use it in turns.
        enlarger: the face model.
        options: the strength is used; `detector` and `enlarger` are its detector and model, loaded.
        detector_sha256: SHA-256 of the detector's file, in hexadecimal.
        lock: held while the detector runs; None for a new one.
    """

    def __init__(
        self,
        detector: Detector,
        enlarger: Enlarger,
        options: FaceOptions,
        detector_sha256: str = "",
        lock: "threading.Lock | None" = None,
    ) -> None:
        self._options, self._detector_sha256 = options, detector_sha256
        self._detector, self._enlarger = detector, enlarger
        self._lock = lock or threading.Lock()

    @classmethod
    def load(
        cls, faces: FaceOptions | float, load_model: Callable[[str | Path], Enlarger]
    ) -> "FaceEnhancer":
        """Open the detector and the model.

        Args:
            faces: strength, model and detector; or the strength alone.
            load_model: returns an upscaler for the name or path of a model.

        Raises:
            MissingExtraError: OpenCV cannot be loaded.
            ModelRefusedError: the model is missing, or the model or the detector is not suitable.
            TypeError: the strength is not a number.
            UsageError: the strength is not from 0 to 1, or the detector is missing.
        """
        options = FaceOptions.of(faces)
        try:
            detector = FaceDetector.load(options.detector)
        except UsageError as error:
            # `Upscaler.load` has no argument `detector`.
            message = str(error).replace("`detector`", "`faces=FaceOptions(detector=...)`")
            error.args = (message,)
            raise
        return cls(detector, load_model(options.model), options, hash_file(detector.file))

    def sharing(self) -> "FaceEnhancer":
        """Return another enhancer with the same networks, for use by another thread."""
        enlarger = self._enlarger.sharing()
        return FaceEnhancer(
            self._detector, enlarger, self._options, self._detector_sha256, self._lock
        )

    def work_options(self) -> dict[str, object]:
        """Return strength, model and detector: what determines a result, for `batch.results.work`.

        The journal of a run keeps these values in JSON, to recognise results that are up to date.
        """
        model = f"{self._enlarger.name} {self._enlarger.sha256[:_DIGITS]}"
        detector = self._detector_sha256[:_DIGITS]
        return {
            "face_strength": self._options.strength,
            "face_model": model,
            "face_detector": detector,
        }

    def cancel(self) -> None:
        """End the run of the model, as `Upscaler.cancel` does. Thread-safe."""
        self._enlarger.cancel()

    def enhance(
        self,
        picture: Picture,
        result: Picture,
        check_cancelled: Callable[[], None] = lambda: None,
        folder: Path | None = None,
    ) -> tuple[FaceResult, ...]:
        """Enhance the faces in the result of a picture, in place; other pixels do not change.

        Args:
            picture: the photo.
            result: the same photo upscaled; its pixels are changed.
            check_cancelled: called between the steps; an exception in it ends the call.
            folder: folder of the temporary file of a large photo with alpha.

        Returns:
            The faces, in descending order of their scores.
        """
        photo = picture.pixels
        if picture.alpha is not None:
            photo = fill_hidden_colours(photo, picture.alpha, folder)
        with self._lock:
            faces = find_faces(self._detector, photo, check_cancelled)
        results = list[FaceResult]()
        for face in faces:
            check_cancelled()
            area = FaceArea.of(face, *photo.shape[:2])
            if area is not None:  # None: the face lies outside the photo
                score = round(min(max(face.score, 0.0), 1.0), 3)
                results.append(self._enhance_one(photo, result.pixels, area, score))
        return tuple(results)

    def _enhance_one(self, photo: Array, result: Array, area: FaceArea, score: float) -> FaceResult:
        """Enhance one face in the result, in place.

        Args:
            photo: (H, W, C).
            result: (H * scale, W * scale, C), same dtype.
            area: the area of the face.
            score: confidence of the detector, for the returned report.
        """
        place = Place.of(area, photo, result)
        side = round(area.side, 1)
        reason = self._why_not(area, place)
        if reason is not None:
            return FaceResult(area.box, score, UNCHANGED, reason, side=side)
        target = result[slice(*place.rows), slice(*place.columns)]
        main = to_floats(target)
        weight = area.mask(place) * np.float32(self._options.strength)
        face = self._upscale(photo, area, place, main)
        pixels = quantise(blend(face, main, weight), result.dtype)
        # Pixels of weight 0 keep their exact values, without the conversion to floats and back.
        pixels = np.where(weight[..., np.newaxis] > 0, pixels, target)

        # Compare both versions, downscaled, with the photo.
        low_res = to_floats(photo[slice(*area.rows), slice(*area.columns)])
        box = place.edges_of_area(area)  # in `main` and `pixels`
        psnr_without = fidelity_psnr(main, box, low_res)
        psnr_with = fidelity_psnr(to_floats(pixels), box, low_res)
        numbers: dict[str, Any] = {
            "psnr_without": _finite(psnr_without), "psnr_with": _finite(psnr_with), "side": side,
        }  # fmt: skip
        if psnr_with < psnr_without - MAX_LOSS:
            reason = "less faithful to the input"
            return FaceResult(area.box, score, UNCHANGED, reason, **numbers)
        target[...] = pixels
        # A large result is mapped to a file. Its values stay there; only their copy in memory goes.
        mapped_arrays.release_memory(result)
        return FaceResult(area.box, score, ENHANCED, **numbers)

    def _why_not(self, area: FaceArea, place: Place) -> str | None:
        """Return the reason not to enhance a face, for the report; None if it is enhanced."""
        if area.side < SMALLEST_FACE:
            return "too small"
        if area.side > LARGEST_FACE:
            return "large enough"
        if min(place.scales) <= 1:
            return "not enlarged"
        return None

    def _upscale(self, photo: Array, area: FaceArea, place: Place, main: Floats) -> Floats:
        """Upscale a face to its place in the result, with the colours of the result.

        Args:
            photo: (H, W, C).
            area: the area of the face in the photo.
            place: its place in the result.
            main: the main model's result at this place, (h, w, C), float32 in [0, 1].

        Returns:
            (h, w, C), float32 in [0, 1].
        """
        large, columns, rows = upscale_area(photo, area, self._enlarger)
        scale = self._enlarger.scale
        height, width = main.shape[:2]
        box = place.edges_in_part(columns, rows, scale)
        if place.scales == (scale, scale):  # no resampling is needed
            left, top = round(box[0]), round(box[1])
            face = large[top : top + height, left : left + width]
        else:
            face = np.clip(resample_box(large, box, height, width, cubic=False), 0, 1)
        radius = area.side * min(place.scales) * COLOUR_RADIUS
        return np.clip(match_colours(face, main, radius), 0, 1)


def _finite(decibels: float) -> float | None:
    """Round to two decimals; None for infinity, which JSON does not have."""
    return round(decibels, 2) if math.isfinite(decibels) else None
