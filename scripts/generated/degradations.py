"""The table of the degradations that `--low-res mixture` draws from."""

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


def degradation_rows() -> Iterator[str]:
    """List what the two rounds of each strength draw from, one column a round."""
    columns = [
        (f"{name}, {number} round", ranges, share)
        for name, strength in STRENGTHS.items()
        for number, ranges, share in (
            ("first", strength.first, "all"),
            ("second", strength.second, _percent(strength.second_share)),
        )
    ]
    yield f"| | {' | '.join(title for title, _, _ in columns)} |"
    yield "|---" * (1 + len(columns)) + "|"
    yield f"| of the degraded images | {' | '.join(share for _, _, share in columns)} |"
    for name, cell in _ROWS.items():
        yield f"| {name} | {' | '.join(cell(ranges) for _, ranges, _ in columns)} |"


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")
