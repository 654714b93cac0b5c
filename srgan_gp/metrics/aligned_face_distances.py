"""Fréchet distances of aligned faces in three feature spaces: FD-yunet, FD-hog and FD-pca.

The features are backbone maps of the face detector YuNet, histograms of oriented gradients (HOG),
and principal components of the pixels (PCA). No critic and no loss of this project uses these
features, so that the distances are independent of what a run is trained on. The features depend on
positions: eyes and mouths must be at the same place in all images, as `srgan-gp prepare` aligns
them.

A generator with little variety may have a low FD-yunet. Read it together with the scores of
`metrics.diversity` and `metrics.memorisation`. `evaluation.face_scores` and the validation of
training compute these distances.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx

# Must be set before ONNX Runtime loads, which otherwise stores telemetry in the home folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime
from google.protobuf.message import DecodeError
from skimage.feature import hog

from srgan_gp.errors import ModelRefusedError
from srgan_gp.metrics.feature_distances import frechet_distance

YUNET_MAPS = ("237", "246", "255")
"""Names, in the published ONNX file, of the tensors that the last backbone stages output: feature
maps at strides 8, 16 and 32, each with 64 channels."""
YUNET_SIDE = 128  # pixels: side of the network's input, a multiple of the largest stride, 32
HOG_CELL = 8  # pixels: side of a cell, as in Dalal & Triggs 2005
HOG_LARGEST_SIDE = 64  # pixels: larger faces are downscaled; 128 would give 8,100 dimensions
PCA_SIDE = 16  # pixels: side to which faces are downscaled for FD-pca: their layout without detail
PCA_COMPONENTS = 96  # of 16 * 16 * 3 = 768; a covariance of all needs far more images
MIN_FACE_SIDE = 16
"""Pixels: FD-hog and FD-pca are not computed for smaller faces. A HOG block has 16 x 16 pixels."""
_BATCH = 16  # faces; twice as fast as 64 on one core, since the maps stay in the CPU's cache
MIN_DEVIATION = 0.1
"""Lower limit of the standard deviation by which a YuNet channel is divided, relative to the median
of all channels.

Some channels are 0 on nearly every real face, and their deviation is close to 0. Without a limit,
one face of 1,024 that activates such a channel would add thousands to FD-yunet. This happens for
real faces too. A higher limit gives the channels of small deviation less weight than the others."""
_MIN_DIVISOR = 1e-6  # avoids a division by 0 if the median is 0


class YunetFeatures:
    """Features of faces from the backbone of the face detector YuNet; use `YunetFeatures.load`.

    Args:
        session: an ONNX Runtime session whose network has the outputs `YUNET_MAPS`.
        sha256: SHA-256 of the network file, in hexadecimal.
    """

    def __init__(self, session: Any, sha256: str) -> None:  # noqa: ANN401  ONNX Runtime has no types
        self._session = session
        self.sha256 = sha256

    @classmethod
    def load(cls, file: Path, argument: str = "") -> "YunetFeatures":
        """Open a network file, on one CPU thread.

        Args:
            file: YuNet as `.onnx`, with the tensor names of the published file.
            argument: name of the caller's argument by which a user can skip FD-yunet, with the
                value `none`; the message of an error names it. "": there is no such argument.

        Raises:
            ModelRefusedError: the file cannot be read, is not an ONNX network, or has no tensors
                with the names in `YUNET_MAPS`.
        """
        try:
            data = file.read_bytes()
            model = onnx.load_model_from_string(data)
            # The published network returns detections only: add its feature maps to the outputs.
            for name in YUNET_MAPS:
                output = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
                model.graph.output.append(output)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            options.log_severity_level = 4  # fatal errors only: others are raised, not printed
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except (OSError, ValueError, DecodeError) as error:
            raise ModelRefusedError(f"{file} is not an ONNX network ({error}).") from error
        except Exception as error:  # the errors of ONNX Runtime have no common class
            advice = f", or pass 'none' as `{argument}`" if argument else ""
            raise ModelRefusedError(
                f"FD-yunet needs the backbone maps {', '.join(YUNET_MAPS)} of YuNet, which {file} "
                f"does not have. Use the file of the OpenCV model zoo{advice}."
            ) from error
        return cls(session, hashlib.sha256(data).hexdigest())

    def features(self, faces: np.ndarray) -> np.ndarray:
        """Average each channel of the maps over the upper and over the lower half of a face.

        Args:
            faces: (N, S, S, 3), uint8 RGB; resized to 128 x 128 pixels by bicubic interpolation, or
                by the area mean if they are larger.

        Returns:
            (N, 384), float64: for each of the 3 maps, the means of its 64 channels over the upper
            half, then those over the lower half.
        """
        parts = [self._batch_features(faces[i : i + _BATCH]) for i in range(0, len(faces), _BATCH)]
        return np.concatenate(parts).astype(np.float64)

    def _batch_features(self, faces: np.ndarray) -> np.ndarray:
        """Compute `features` of (B, S, S, 3) in one call of the network: (B, 384), float32."""
        method = cv2.INTER_AREA if faces.shape[1] > YUNET_SIDE else cv2.INTER_CUBIC
        side = (YUNET_SIDE, YUNET_SIDE)
        resized = [cv2.resize(face, side, interpolation=method) for face in faces]
        # (B, 3, 128, 128), BGR in [0, 255], as YuNet expects
        bgr = np.stack(resized)[..., ::-1].transpose(0, 3, 1, 2)
        inputs = {"input": np.ascontiguousarray(bgr, np.float32)}
        means = []
        for feature_map in self._session.run(list(YUNET_MAPS), inputs):  # (B, 64, h, w)
            middle = feature_map.shape[2] // 2
            means.append(feature_map[:, :, :middle].mean((2, 3)))
            means.append(feature_map[:, :, middle:].mean((2, 3)))
        return np.concatenate(means, axis=1)


class AlignedFaceDistances:
    """Distances from sets of aligned faces to one set of real faces.

    Args:
        real: validation faces, (N, S, S, 3), uint8 RGB, at least two.
        yunet: features for FD-yunet; None: FD-yunet is not computed.
        min_deviation: lower limit of the divisors of YuNet's channels, relative to the median
            standard deviation of the channels; see `MIN_DEVIATION`. 0: every channel is divided by
            its own standard deviation.
    """

    def __init__(
        self,
        real: np.ndarray,
        yunet: YunetFeatures | None,
        min_deviation: float = MIN_DEVIATION,
    ) -> None:
        self._yunet = yunet
        self._factors: np.ndarray | None = None  # of the channels of YuNet
        if yunet:
            features = yunet.features(real)
            deviations = features.std(0)
            smallest_divisor = max(min_deviation * float(np.median(deviations)), _MIN_DIVISOR)
            self._factors = 1 / deviations.clip(smallest_divisor)
            self._real_features = features * self._factors
        # `distances` uses these attributes after the same test, on faces of the same size.
        if real.shape[1] >= MIN_FACE_SIDE:
            self._real_hog = hog_descriptors(real)
            pixels = downscaled_pixels(real)
            self._axes = principal_axes(pixels)
            self._real_components = pixels @ self._axes

    def distances(self, faces: np.ndarray) -> dict[str, float]:
        """Compute the Fréchet distances to the real faces, each at least 0; lower is better.

        The distances of sets of N faces have a positive bias proportional to 1/N: compare them only
        at equal N.

        Args:
            faces: (M, S, S, 3), uint8 RGB, at least two, of the size of the real faces.

        Returns:
            Distances by name:

            - `fd_yunet`, if there is a network: on backbone maps of YuNet, each channel divided by
              its standard deviation over the real faces.
            - `fd_hog`, for faces of at least `MIN_FACE_SIDE` pixels: on histograms of oriented
              gradients.
            - `fd_pca`, for the same sizes as `fd_hog`: on the pixels of the faces at 16 x 16,
              projected onto the principal axes of the real faces.

        Raises:
            ValueError: there are fewer than two faces.
        """
        distances: dict[str, float] = {}
        if self._yunet and self._factors is not None:
            features = self._yunet.features(faces) * self._factors
            distances["fd_yunet"] = frechet_distance(features, self._real_features)
        if faces.shape[1] >= MIN_FACE_SIDE:
            distances["fd_hog"] = frechet_distance(hog_descriptors(faces), self._real_hog)
            components = downscaled_pixels(faces) @ self._axes
            distances["fd_pca"] = frechet_distance(components, self._real_components)
        return distances


def hog_descriptors(faces: np.ndarray) -> np.ndarray:
    """Compute histograms of oriented gradients of the grey values of faces.

    9 orientations, cells of 8 x 8 pixels, blocks of 2 x 2 cells, as in the source.

    Args:
        faces: (N, S, S, 3), uint8 RGB, S at least 16; downscaled to 64 if larger.

    Returns:
        (N, D), float64; D is 1,764 for 64 x 64 pixels.

    Source:
        Dalal & Triggs 2005, "Histograms of oriented gradients for human detection".
    """
    side = min(faces.shape[1], HOG_LARGEST_SIDE)
    descriptors = []
    for face in faces:
        grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
        if side != grey.shape[0]:
            grey = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
        cells, block = (HOG_CELL, HOG_CELL), (2, 2)
        descriptor = hog(grey, orientations=9, pixels_per_cell=cells, cells_per_block=block)
        descriptors.append(descriptor)
    return np.stack(descriptors).astype(np.float64)


def downscaled_pixels(faces: np.ndarray) -> np.ndarray:
    """Downscale (N, S, S, 3) uint8 to 16 x 16 by the area mean: (N, 768), float64 in [0, 1]."""
    size = (PCA_SIDE, PCA_SIDE)
    rows = [cv2.resize(face, size, interpolation=cv2.INTER_AREA).reshape(-1) for face in faces]
    return np.stack(rows) / 255.0


def principal_axes(points: np.ndarray) -> np.ndarray:
    """Compute the principal axes of a set of points.

    Args:
        points: (N, D), float64.

    Returns:
        (D, K), float64, orthonormal: the K axes of largest variance, K = min(`PCA_COMPONENTS`,
        N - 1).
    """
    count = min(PCA_COMPONENTS, len(points) - 1)
    _, axes = np.linalg.eigh(np.cov(points.T))  # columns, in ascending order of the variance
    return axes[:, -count:]
