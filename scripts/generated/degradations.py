"""Table of the random degradations of the training option `--low-res mixture`.

A degraded image passes one or two rounds of blur, noise and JPEG. A strength defines both rounds.
"""

from collections.abc import Callable, Iterator

from srgan_gp.data.degradation_draws import STRENGTHS, Ranges

_ROWS: dict[str, Callable[[Ranges], str]] = {
    "blurred": lambda r: _percent(r.blur_share),
    "sigma of the blur": lambda r: f"{r.blur_sigma[0]:g} to {r.blur_sigma[1]:g}",
    "with noise": lambda r: _percent(r.noise_share),
    "sigma of the noise": lambda r: f"{r.noise_sigma[0]:g} to {r.noise_sigma[1]:g}",
    "stored as JPEG": lambda r: _percent(r.jpeg_share),
    "JPEG quality": lambda r: f"{r.quality[0]} to {r.quality[1]}",
}
"""Functions that format the cells of a row, by its title."""


def degradation_rows() -> Iterator[str]:
    """Yield a table with a column for each of the two rounds of each strength."""
    titles, shares, columns = [], [], []
    for name, strength in STRENGTHS.items():
        titles += [f"{name}, first round", f"{name}, second round"]
        shares += ["all", _percent(strength.second_share)]
        columns += [strength.first, strength.second]
    yield f"| | {' | '.join(titles)} |"
    yield "|---" * (1 + len(titles)) + "|"
    yield f"| of the degraded images | {' | '.join(shares)} |"
    for title, format_cell in _ROWS.items():
        cells = [format_cell(ranges) for ranges in columns]
        yield f"| {title} | {' | '.join(cells)} |"


def _percent(share: float) -> str:
    """Format a share in [0, 1], with the space that the documents use: `30 %`."""
    return f"{share:.0%}".replace("%", " %")
