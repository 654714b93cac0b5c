"""Small networks with random weights in the architectures of spandrel, for the benchmark `imports`.

Spandrel is a package that loads upscalers of other projects. The arguments are the smallest that
the constructors accept, or nearly so.
"""

import importlib
from typing import Any

import torch
from torch import nn

SMALL: dict[str, tuple[str, str, dict[str, Any]]] = {
    "Compact x2": ("Compact", "Compact", {"num_feat": 12, "num_conv": 2, "upscale": 2}),
    "DnCNN x1": ("DnCNN", "DnCNN", {"in_nc": 3, "out_nc": 3, "nc": 8, "nb": 9, "act_mode": "R"}),
    "DnCNN grey": ("DnCNN", "DnCNN", {"in_nc": 1, "out_nc": 1, "nc": 8, "nb": 9, "act_mode": "R"}),
    "SPAN x4": (
        "SPAN", "SPAN", {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 8, "upscale": 4},
    ),
    "ESRGAN x4": ("ESRGAN", "ESRGAN", {"num_filters": 8, "num_blocks": 2, "scale": 4}),
    "ESRGAN x2": (
        "ESRGAN", "ESRGAN",
        {"in_nc": 12, "num_filters": 8, "num_blocks": 2, "scale": 4, "shuffle_factor": 2},
    ),
    "PLKSR x4": ("PLKSR", "PLKSR", {"dim": 16, "n_blocks": 2}),
    "RealPLKSR x4": ("PLKSR", "RealPLKSR", {"dim": 16, "n_blocks": 2}),
    "RealPLKSR DySample x2": (
        "PLKSR", "RealPLKSR", {"dim": 16, "n_blocks": 2, "upscaling_factor": 2, "dysample": True},
    ),
    "RCAN x4": (
        "RCAN", "RCAN",
        {"n_resgroups": 2, "n_resblocks": 2, "n_feats": 16, "scale": 4, "reduction": 4},
    ),
    "OmniSR x2": (
        "OmniSR", "OmniSR",
        {"num_feat": 16, "block_num": 1, "res_num": 1, "up_scale": 2, "window_size": 8},
    ),
    "SwinIR x2": (
        "SwinIR", "SwinIR",
        {
            "img_size": 64, "embed_dim": 16, "depths": [2], "num_heads": [2], "window_size": 8,
            "mlp_ratio": 2, "upscale": 2, "upsampler": "pixelshuffledirect",
        },
    ),
    "Swin2SR x2": (
        "Swin2SR", "Swin2SR",
        {
            "img_size": 32, "embed_dim": 16, "depths": [2], "num_heads": [2], "window_size": 8,
            "mlp_ratio": 2, "upscale": 2, "upsampler": "pixelshuffledirect",
        },
    ),
    "DAT x2": (
        "DAT", "DAT",
        {
            "embed_dim": 32, "depth": [2], "num_heads": [2], "split_size": [4, 8], "img_size": 32,
            "upscale": 2,
        },
    ),
    "HAT x4": (
        "HAT", "HAT",
        {
            "img_size": 32, "embed_dim": 16, "depths": (2,), "num_heads": (2,), "window_size": 8,
            "upscale": 4, "num_feat": 16, "mlp_ratio": 2, "squeeze_factor": 4, "compress_ratio": 2,
        },
    ),
    "MoSR x4": ("MoSR", "MoSR", {"n_block": 2, "dim": 16, "upscale": 4}),
    "RGT x2": (
        "RGT", "RGT",
        {"embed_dim": 32, "depth": [2], "num_heads": [2], "split_size": [8, 8], "upscale": 2},
    ),
    "DRCT x4": (
        "DRCT", "DRCT",
        {
            "img_size": 32, "embed_dim": 16, "depths": (1,), "num_heads": (2,), "window_size": 8,
            "upscale": 4, "gc": 8, "upsampler": "pixelshuffle",
        },
    ),
    "FDAT x4": (
        "FDAT", "FDAT",
        {
            "embed_dim": 16, "num_groups": 1, "depth_per_group": 2, "num_heads": 2, "scale": 4,
            "mid_dim": 16,
        },
    ),
    "SeemoRe x4": (
        "SeemoRe", "SeemoRe",
        {"scale": 4, "num_experts": 3, "num_layers": 2, "embedding_dim": 16},
    ),
    "SwiftSRGAN x4": (
        "SwiftSRGAN", "SwiftSRGAN", {"num_channels": 16, "num_blocks": 2, "upscale_factor": 4},
    ),
    "RealCUGAN x2": ("RealCUGAN", "UpCunet2x", {}),
    "NAFNet x1": (
        "NAFNet", "NAFNet",
        {"width": 8, "middle_blk_num": 1, "enc_blk_nums": [1, 1], "dec_blk_nums": [1, 1]},
    ),
    "ATD x2": (
        "ATD", "ATD",
        {
            "embed_dim": 16, "depths": (2,), "num_heads": (2,), "window_size": 8, "upscale": 2,
            "upsampler": "pixelshuffledirect", "category_size": 64, "num_tokens": 16,
        },
    ),
    "SAFMN x4": ("SAFMN", "SAFMN", {"dim": 16, "n_blocks": 2, "upscaling_factor": 4}),
    "DITN x4": (
        "DITN", "DITN",
        {"dim": 12, "ITL_blocks": 1, "SAL_blocks": 1, "UFONE_blocks": 1, "upscale": 4},
    ),
    "GRL x4": (
        "GRL", "GRL",
        {
            "img_size": 32, "embed_dim": 12, "upscale": 4, "upsampler": "pixelshuffledirect",
            "depths": [2], "num_heads_window": [2], "num_heads_stripe": [2], "stripe_size": [8, 8],
        },
    ),
    "SCUNet x1": ("SCUNet", "SCUNet", {"config": [2] * 7, "dim": 32}),
}  # fmt: skip
"""Module of spandrel, class, and arguments of its constructor, by a name such as "SPAN x4"."""


def build_small(kind: str) -> nn.Module:
    """Build a network of `SMALL`; its weights do not depend on what ran before.

    Args:
        kind: a key of `SMALL`.
    """
    module_name, class_name, arguments = SMALL[kind]
    module = importlib.import_module(f"spandrel.architectures.{module_name}")
    network_class = getattr(module, class_name)
    with torch.random.fork_rng():  # restores the state of the global generator
        torch.manual_seed(0)
        return network_class(**arguments).eval()
