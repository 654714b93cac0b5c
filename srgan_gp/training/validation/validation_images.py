"""Validation images: scores and previews of an upscaler during training.

Fine-tuning uses the functions below the class too. A generator here maps LR images to HR images.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from srgan_gp.data.datasets import require_sides
from srgan_gp.data.image_sources import list_all_images
from srgan_gp.evaluation.image_scores import squeeze_distance
from srgan_gp.losses.features import Features
from srgan_gp.metrics.colour_shift import colour_shift
from srgan_gp.metrics.patch_distance import MIN_IMAGE_SIDE, patch_distance
from srgan_gp.metrics.pattern import pattern_and_grain
from srgan_gp.metrics.psnr_ssim import psnr_y
from srgan_gp.training.reports.preview_sheet import RESULT_NOW

PREVIEWS = 4
"""Number of images in a preview, one below the other; with more the preview is higher than a
screen."""
PREVIEW_SIDE = 48
"""Largest side of an image in a preview, in LR pixels: 192 pixels at scale 4, so that four images
are 768 pixels high."""
LONGEST_SIDE = 512
"""HR pixels: larger images are cropped to their centre, so that a photo needs no gigabytes. A lower
limit would score fewer pixels of each image, a higher one makes every validation slower."""


class ValidationImages:
    """Pairs of LR and HR images, each at most `LONGEST_SIDE` HR pixels wide and high.

    Args:
        place: folder or zip file of HR images.
        scale: upscaling factor.
        device: device of the generator, on which the images are degraded.
        degrade: makes an LR image: (HR image (1, 3, H, W), float32 in [0, 255], its number from 0)
            -> (1, 3, H / scale, W / scale) in the same range.
        least_side: smallest side that `degrade` accepts, in HR pixels, a multiple of `scale`; 0:
            any.
        features: network of the score `squeeze_distance`, the distance of an output from its
            original in feature space; None: scores that need the network are skipped.

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
        # LR images, (1, 3, h, w) float32 in [0, 1], and HR images, (H, W, 3) uint8; all RGB.
        self._pairs: list[tuple[Tensor, np.ndarray]] = []
        files = list_all_images([place])
        # PSNR ignores a border of `scale` pixels on each side; at least `scale` pixels remain.
        least_for_psnr = 3 * scale
        # `centre_crop` rounds sides down to multiples of `scale`, so this limit is rounded up. The
        # two others are multiples of `scale` already.
        least_for_features = math.ceil(features.least_side / scale) * scale if features else 0
        require_sides(files, max(least_for_psnr, least_side, least_for_features))
        for number, file in enumerate(files):
            high_res = centre_crop(file.read(), scale)
            planes = torch.from_numpy(high_res.transpose(2, 0, 1)).to(device, torch.float32)
            self._pairs.append((degrade(planes[None], number) / 255, high_res))

    def scores(self, generator: nn.Module) -> dict[str, float]:
        """Score the outputs of a generator for the LR images.

        Returns:
            Scores by name:
            - `psnr_y`: mean PSNR of the luma in dB
            - `grain`: texture in the flat areas of all outputs, a root mean square in levels of
              255; `pattern`: the regular part of this texture, such as a checkerboard;
              `flat_windows`: number of flat areas measured. See `metrics.pattern`. All three are
              missing if the images have no flat area.
            - `patch_distance` of the whole set; missing if an image is too small
            - with a feature network: the means `squeeze_distance` and `colour_shift`, the latter in
              levels of 255
        """
        low_res = [as_pixels(images) for images, _ in self._pairs]
        targets = [high_res for _, high_res in self._pairs]
        outputs = [as_pixels(enlarge(generator, images)) for images, _ in self._pairs]
        pairs = list(zip(outputs, targets, strict=True))
        psnr = [psnr_y(output, target, border=self._scale) for output, target in pairs]
        scores = {"psnr_y": float(np.mean(psnr))}
        if texture := pattern_and_grain(outputs, low_res, targets):
            scores |= texture.by_name()  # `pattern` and `grain`
            scores["flat_windows"] = float(texture.windows)
        smallest = min(min(pixels.shape[:2]) for pixels in targets)
        if smallest >= MIN_IMAGE_SIDE:
            scores["patch_distance"] = patch_distance(outputs, targets)
        if self._features:
            distances = [
                squeeze_distance(self._features, output, target) for output, target in pairs
            ]
            scores["squeeze_distance"] = float(np.mean(distances))
            shifts = [colour_shift(output, target) for output, target in pairs]
            scores["colour_shift"] = float(np.mean(shifts))
        return scores

    def critic_crops(self, side: int) -> tuple[Tensor, Tensor] | None:
        """Return the centre crop of each LR and HR image, as samples for the critic.

        Args:
            side: side of the LR crops in pixels; smaller images are skipped.

        Returns:
            LR crops, (N, 3, side, side), and HR crops, (N, 3, side * scale, side * scale), float32
            RGB in [0, 1]; None if every image is smaller.
        """
        scale = self._scale
        low_res_crops: list[Tensor] = []
        high_res_crops: list[Tensor] = []
        for low_res, high_res in self._pairs:
            height, width = low_res.shape[-2:]
            if min(height, width) < side:
                continue
            top, left = (height - side) // 2, (width - side) // 2
            low_res_crops.append(low_res[0, :, top : top + side, left : left + side])
            crop = high_res[top * scale :, left * scale :][: side * scale, : side * scale]
            planes = torch.from_numpy(crop.transpose(2, 0, 1) / np.float32(255))
            high_res_crops.append(planes.to(low_res.device))
        if not low_res_crops:
            return None
        return torch.stack(low_res_crops), torch.stack(high_res_crops)

    def preview(self, generator: nn.Module) -> dict[str, np.ndarray]:
        """Return columns of inputs, outputs and originals: the centres of the first images.

        Returns:
            By label, (number of images * side, side, 3), uint8 RGB, side in HR pixels. The label
            of the outputs is `preview_sheet.RESULT_NOW`. Inputs are enlarged by nearest-neighbour
            interpolation.
        """
        scale, pairs = self._scale, self._pairs[:PREVIEWS]
        columns: dict[str, list[np.ndarray]] = {"input": [], RESULT_NOW: [], "original": []}
        smallest = min(min(low_res.shape[-2:]) for low_res, _ in pairs)
        side = min(PREVIEW_SIDE, smallest)  # LR pixels
        for low_res, high_res in pairs:
            height, width = low_res.shape[-2:]
            top, left = (height - side) // 2 * scale, (width - side) // 2 * scale
            nearest = nn.functional.interpolate(low_res, scale_factor=float(scale))
            images = {
                "input": as_pixels(nearest),
                RESULT_NOW: as_pixels(enlarge(generator, low_res)),
                "original": high_res,
            }
            for label, pixels in images.items():
                columns[label].append(pixels[top:, left:][: side * scale, : side * scale])
        return {label: np.vstack(column) for label, column in columns.items()}


def centre_crop(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Crop an image to the central `LONGEST_SIDE` x `LONGEST_SIDE` pixels, or to fewer.

    Both sides of the result are multiples of `scale`; the pixels removed for that are at the right
    and at the bottom.

    Args:
        pixels: (H, W, 3).
        scale: upscaling factor.
    """
    for axis in (0, 1):
        length = pixels.shape[axis]
        limited = min(length, LONGEST_SIDE)
        first = (length - limited) // 2
        cropped = limited - limited % scale
        pixels = pixels.take(range(first, first + cropped), axis)
    return pixels


@torch.no_grad()
def enlarge(generator: nn.Module, low_res: Tensor) -> Tensor:
    """Upscale (N, 3, h, w) RGB in [0, 1] to (N, 3, H, W), around [0, 1], not clipped.

    The memory format is that of the networks of a run.
    """
    return generator(low_res.contiguous(memory_format=torch.channels_last))


def as_pixels(images: Tensor) -> np.ndarray:
    """Convert one image, (1, 3, H, W) around [0, 1], to (H, W, 3) uint8, rounded to nearest."""
    levels = (images[0].float().clamp(0, 1) * 255).round()
    return levels.to(torch.uint8).permute(1, 2, 0).cpu().numpy()
