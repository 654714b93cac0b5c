"""The table of the degradations that `--low-res mixture` draws from."""

from collections.abc import Iterator

from srgan_gp.data.draws import FIRST, SECOND, SECOND_SHARE, Ranges


def degradation_rows() -> Iterator[str]:
    """List what each of the two rounds draws from, one row each."""
    yield "| | first round | second round |"
    yield "|---|---|---|"
    yield f"| of the degraded images | all | {_percent(SECOND_SHARE)} |"
    rows = {
        "blurred": lambda r: _percent(r.blur_share),
        "sigma of the blur": lambda r: f"{r.blur_sigma[0]:g} to {r.blur_sigma[1]:g}",
        "with noise": lambda r: _percent(r.noise_share),
        "sigma of the noise": lambda r: f"{r.noise_sigma[0]:g} to {r.noise_sigma[1]:g}",
        "stored as JPEG": lambda r: _percent(r.jpeg_share),
        "JPEG quality": lambda r: f"{r.quality[0]} to {r.quality[1]}",
    }
    rounds: tuple[Ranges, Ranges] = (FIRST, SECOND)
    for name, cell in rows.items():
        first, second = map(cell, rounds)
        yield f"| {name} | {first} | {second} |"


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")
