"""`NoiseMaps`: white noise for a generator of faces, a function of the latent.

A generator without noise can make fine texture only from its smooth feature maps, whose contour
lines then show as thin lines in hair and background.
"""

import torch
from torch import Tensor, nn

Noise = dict[int, Tensor]
"""Noise of a batch by side in pixels: (B, 1, side, side), float32."""
_EPSILON = 1e-8  # avoids a division by 0


class NoiseMaps(nn.Module):
    """Noise of an image at every resolution, mixed from fixed maps by its latent.

    The noise is the sum of w_i N_i over fixed maps N_i of independent standard normal numbers. w is
    the first numbers of the latent, divided by their Euclidean length. So the noise has unit
    variance, and a truncation that is not 0 does not change it. It changes continuously with the
    latent, except where all these numbers are 0: there is no noise, as at truncation 0.

    All convolutions of a side get the same noise. The noise of different latents is not
    independent: it is a point on a sphere in `count` dimensions.

    Args:
        first_side: side of the smallest map in pixels.
        size: side of the largest one, `first_side` times a power of two.
        count: number of maps of each side, and of numbers of the latent that are used; at least 2,
            because a single one would only be the map or its negative.

    Source:
        Karras et al. 2020, arXiv:1912.04958, section 2, where the noise is drawn anew for each
        image.
    """

    def __init__(self, first_side: int, size: int, count: int) -> None:
        super().__init__()
        self.count = count
        random = torch.Generator().manual_seed(0)  # the same maps in every run
        self.maps = nn.ParameterDict()  # not trained, but stored with the weights
        side = first_side
        while side <= size:
            maps = torch.randn(count, side**2, generator=random)
            self.maps[str(side)] = nn.Parameter(maps, requires_grad=False)
            side *= 2

    def forward(self, latent: Tensor) -> Noise:
        """Map latents, (B, latent_size), to their noise; float32 also under autocast."""
        with torch.autocast(latent.device.type, enabled=False):
            shares = latent[:, : self.count]
            shares = shares / (shares.square().sum(1, keepdim=True).sqrt() + _EPSILON)
            return {
                int(side): (shares @ maps).unflatten(1, (1, int(side), int(side)))
                for side, maps in self.maps.items()
            }
