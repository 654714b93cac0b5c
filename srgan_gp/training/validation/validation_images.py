"""Validation images: scores and previews of an upscaler during training."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from srgan_gp.data.datasets import require_sides
from srgan_gp.data.image_sources import list_all_images
from srgan_gp.evaluation.image_scores import squeeze_distance
from srgan_gp.losses.features import Features
from srgan_gp.metrics.colour_shift import colour_shift
from srgan_gp.metrics.patch_distance import SMALLEST_SIDE, patch_distance
from srgan_gp.metrics.pattern import pattern_and_grain
from srgan_gp.metrics.psnr_ssim import psnr_y
from srgan_gp.training.reports.preview_sheet import NOW

PREVIEWS = 4
PREVIEW_SIDE = 48  # LR pixels
LONGEST_SIDE = 512
"""Pixels: larger images are centre-cropped, so that a photo does not take gigabytes."""


class ValidationImages:
    """Pairs of whole LR and HR images.

    Args:
        place: folder or zip file of HR images.
        scale: enlargement.
        device: device of the network, on which the images are degraded.
        degrade: ((1, 3, H, W) in [0, 255], number of the image) -> (1, 3, h, w) in [0, 255].
        least_side: smallest side that `degrade` accepts, in HR pixels; 0: any.
        features: network of the squeeze distance; None: this score is skipped.

    Raises:
        UsageError: there is no image at `place`, or one is too small.
        PictureError: an image cannot be decoded.
    """

    def __init__(
        self,
        place: str,
        scale: int,
        device: torch.device,
        degrade: Callable[[Tensor, int], Tensor],
        least_side: int = 0,
        features: Features | None = None,
    ) -> None:
        self._scale = scale
        self._features = features
        # LR images, (1, 3, h, w) in [0, 1], and HR images, (H, W, 3) uint8.
        self._pairs: list[tuple[Tensor, np.ndarray]] = []
        files = list_all_images([place])
        # `centre_crop` reduces the sides to multiples of `scale`.
        least_seen = -(-features.least_side // scale) * scale if features else 0
        # PSNR ignores a border of `scale` on each side; `scale` pixels remain.
        require_sides(files, max(3 * scale, least_side, least_seen))
        for number, file in enumerate(files):
            high_res = centre_crop(file.read(), scale)
            whole = torch.from_numpy(high_res.transpose(2, 0, 1)).to(device, torch.float32)
            self._pairs.append((degrade(whole[None], number) / 255, high_res))

    def scores(self, generator: nn.Module) -> dict[str, float]:
        """Score whole images.

        Returns:
            By name: the mean PSNR-Y in dB; `pattern` and `grain` of the set in levels rms with the
            number of `flat_windows` that they are measured in, unless there is none; the patch
            distance of the set, unless an image is too small for it. With a feature network also
            the mean squeeze distance and the mean colour shift in levels.
        """
        outputs = [as_pixels(enlarge(generator, low_res)) for low_res, _ in self._pairs]
        targets = [high_res for _, high_res in self._pairs]
        psnr = [psnr_y(*pair, self._scale) for pair in zip(outputs, targets, strict=True)]
        found = {"psnr_y": float(np.mean(psnr))}
        low_res = [as_pixels(images) for images, _ in self._pairs]
        if texture := pattern_and_grain(outputs, low_res, targets):
            found |= texture.values() | {"flat_windows": float(texture.windows)}
        if min(min(pixels.shape[:2]) for pixels in targets) >= SMALLEST_SIDE:
            found["patch_distance"] = patch_distance(outputs, targets)
        if self._features:
            distances = [
                squeeze_distance(self._features, *pair)
                for pair in zip(outputs, targets, strict=True)
            ]
            found["squeeze_distance"] = float(np.mean(distances))
            shifts = [colour_shift(*pair) for pair in zip(outputs, targets, strict=True)]
            found["colour_shift"] = float(np.mean(shifts))
        return found

    def centre_crops(self, side: int) -> tuple[Tensor, Tensor] | None:
        """Return the centre crop of each image.

        Args:
            side: side of the LR crops in pixels; smaller images are skipped.

        Returns:
            (N, 3, side, side) and (N, 3, side * scale, side * scale), float32 in [0, 1]; None if
            every image is smaller.
        """
        scale, pairs = self._scale, []
        for low_res, high_res in self._pairs:
            top, left = ((length - side) // 2 for length in low_res.shape[-2:])
            if min(top, left) >= 0:
                patch = low_res[0, :, top:, left:][:, :side, :side]
                target = high_res[top * scale :, left * scale :][: side * scale, : side * scale]
                planes = torch.from_numpy(target.transpose(2, 0, 1) / np.float32(255))
                pairs.append((patch, planes.to(patch.device)))
        if not pairs:
            return None
        low, high = (torch.stack(part) for part in zip(*pairs, strict=True))
        return low, high

    def preview(self, generator: nn.Module) -> dict[str, np.ndarray]:
        """Return columns of nearest-neighbour inputs, outputs and originals, centre-cropped.

        Returns:
            (rows * side, side, 3), uint8 RGB, by label.
        """
        columns: dict[str, list[np.ndarray]] = {"input": [], NOW: [], "original": []}
        shown, scale = self._pairs[:PREVIEWS], self._scale
        side = min(PREVIEW_SIDE, *(length for pair in shown for length in pair[0].shape[-2:]))
        for low_res, high_res in shown:
            top, left = ((length - side) // 2 * scale for length in low_res.shape[-2:])
            nearest = as_pixels(nn.functional.interpolate(low_res, scale_factor=float(scale)))
            images = (nearest, as_pixels(enlarge(generator, low_res)), high_res)
            for column, pixels in zip(columns.values(), images, strict=True):
                column.append(pixels[top:, left:][: side * scale, : side * scale])
        return {label: np.vstack(column) for label, column in columns.items()}


def centre_crop(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Crop (H, W, 3) to the central `LONGEST_SIDE` x `LONGEST_SIDE` pixels or fewer.

    Both sides of the result are multiples of `scale`; the pixels removed for that are at the right
    and at the bottom.
    """
    for axis in (0, 1):
        length = pixels.shape[axis]
        kept = min(length, LONGEST_SIDE)
        first = (length - kept) // 2
        pixels = pixels.take(range(first, first + kept - kept % scale), axis)
    return pixels


@torch.no_grad()
def enlarge(generator: nn.Module, low_res: Tensor) -> Tensor:
    """Run an upscaler on (N, 3, h, w) RGB in [0, 1]; the result is not clipped."""
    return generator(low_res.contiguous(memory_format=torch.channels_last))


def as_pixels(images: Tensor) -> np.ndarray:
    """Convert (1, 3, H, W) around [0, 1] to (H, W, 3) uint8, rounded to nearest."""
    levels = (images[0].float().clamp(0, 1) * 255).round()
    return levels.to(torch.uint8).permute(1, 2, 0).cpu().numpy()
