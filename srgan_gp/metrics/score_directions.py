"""Directions of scores: which values of each printed score are better, and a legend for outputs.

The module imports no numerical library, so that the help of commands that use it appears fast.
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
"""Values that are better, as words that complete "better if", by the name of the score in the logs
of training and in JSON files of `srgan-gp evaluate`. One score has two names: `border_ratio` in
logs, `border` in JSON files. Other numbers, such as counts, are not scores and are missing here."""


def format_scores(scores: Mapping[str, float]) -> str:
    """Format scores in one line, grouped by the direction that is better.

    Args:
        scores: values by name; names that are not in `BETTER` are skipped.

    >>> format_scores({"psnr_y": 28.1, "pattern": 0.25, "flat_windows": 9.0, "ssim_y": 0.5})
    'better if higher: psnr_y 28.100, ssim_y 0.500; better if lower: pattern 0.250'
    """
    groups: dict[str, list[str]] = {}
    for name, value in scores.items():
        if name in BETTER:
            groups.setdefault(BETTER[name], []).append(f"{name} {value:.3f}")
    return _join(groups)


def legend(names: Iterable[str], titles: Mapping[str, str] | None = None) -> str:
    """Format a line that says for each score which values are better, without the values.

    Args:
        names: names of scores; those that are not in `BETTER` are skipped.
        titles: titles by name, printed instead of the names; None: all names are printed.

    >>> legend(["psnr_y", "pattern", "fd_hog"], {"fd_hog": "FD-hog"})
    'better if higher: psnr_y; better if lower: pattern, FD-hog'
    """
    titles = titles or {}
    groups: dict[str, list[str]] = {}
    for name in names:
        if name in BETTER:
            groups.setdefault(BETTER[name], []).append(titles.get(name, name))
    return _join(groups)


def _join(groups: Mapping[str, list[str]]) -> str:
    """Join groups to one line. A group is a value of `BETTER`, such as "higher", and its texts."""
    return "; ".join(f"better if {better}: {', '.join(texts)}" for better, texts in groups.items())
