"""Which way is better, for each score that is printed, and score lines that say so.

Imports nothing heavy.
"""

from collections.abc import Iterable, Mapping

HIGHER, LOWER = "higher", "lower"
BETTER = {
    "psnr_y": HIGHER,
    "ssim_y": HIGHER,
    "squeeze_distance": LOWER,
    "consistency": HIGHER,
    "patch_distance": LOWER,
    "pattern": LOWER,
    "grain": "near the originals",
    "colour_shift": LOWER,
    "kid_squeeze": LOWER,
    "fd_yunet": LOWER,
    "fd_hog": LOWER,
    "fd_pca": LOWER,
    "fd_squeeze": LOWER,
    "swd": LOWER,
    "border_ratio": "near 1",
    "border": "near 1",
    "novelty": "near 1",
    "diversity": "near 1",
    "pairwise_distance": "near the real faces",
    "one_face": HIGHER,
    "critic_estimate": "falling",
}
"""By score: the values that are better. A number that is not listed is no score."""


def grouped(scores: Mapping[str, float]) -> str:
    """Format scores, grouped by the values that are better; a number that is no score is skipped.

    >>> grouped({"psnr_y": 28.1, "pattern": 0.25, "flat_windows": 9.0, "ssim_y": 0.5})
    'better if higher: psnr_y 28.100, ssim_y 0.500; better if lower: pattern 0.250'
    """
    groups: dict[str, list[str]] = {}
    for name, value in scores.items():
        if name in BETTER:
            groups.setdefault(BETTER[name], []).append(f"{name} {value:.3f}")
    return "; ".join(f"better if {way}: {', '.join(group)}" for way, group in groups.items())


def legend(names: Iterable[str], titles: Mapping[str, str] | None = None) -> str:
    """Say for each score which values are better.

    Args:
        names: keys of `BETTER`; others are skipped.
        titles: names to print; missing ones are printed as they are.

    >>> legend(["psnr_y", "pattern", "fd_hog"], {"fd_hog": "FD-hog"})
    'better if higher: psnr_y; better if lower: pattern, FD-hog'
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        if name in BETTER:
            groups.setdefault(BETTER[name], []).append((titles or {}).get(name, name))
    return "; ".join(f"better if {way}: {', '.join(group)}" for way, group in groups.items())
