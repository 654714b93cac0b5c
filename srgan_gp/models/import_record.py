"""`ImportRecord`: origin of an imported model, and what `srgan-gp import` measured.

The record is a table of the model card. A large image is upscaled in tiles, whose results are
joined. With some networks of other projects, the joined result differs from the result for the
whole image.
"""

from dataclasses import dataclass

EXACT, ALIGNED, APPROXIMATE = "exact", "aligned", "approximate"
TILINGS = (EXACT, ALIGNED, APPROXIMATE)
"""How tiles compare with the whole image. `exact`: equal wherever they start; `size_multiple` is 1.
`aligned`: equal if they start at multiples of `size_multiple` pixels, as tiles of such a model do.
`approximate`: different even then. For the last two, the sides of the input must be multiples of
`size_multiple` too."""


@dataclass(frozen=True)
class ImportRecord:
    """Origin of an imported model, and what was measured at its import."""

    file: str
    """Name of the file that was imported."""
    sha256: str
    """SHA-256 of that file, 64 hexadecimal digits."""
    tiling: str
    """One of `TILINGS`."""
    tiling_difference: float
    """Largest measured difference of tiles from the whole image, in levels of 255."""
    seconds_per_megapixel: float
    """Time of the float32 network for a million pixels of the input."""
    measured_on: str
    """Processor and number of threads that the time was measured with."""
    has_float16: bool
    """Whether the model can be run with `--precision float16`."""
    size_multiple: int = 1
    """Input sides and the corners of tiles must be multiples of this number of pixels; 1 if
    `tiling` is `exact`."""
    torch_difference: float | None = None
    """Largest difference of the results of ONNX Runtime from those of PyTorch, relative to the
    largest absolute value, or to 1 if that is smaller. None: the imported file was an ONNX file,
    which was copied."""

    def __post_init__(self) -> None:
        """Raise ValueError if `tiling` is unknown."""
        if self.tiling not in TILINGS:
            raise ValueError(f"tiling is {self.tiling!r}, not one of {', '.join(TILINGS)}")

    @property
    def tiling_line(self) -> str:
        """The kind of tiling, as a line for users."""
        if self.tiling == EXACT:
            return "tiling: exact, at any offset"
        if self.tiling == ALIGNED:
            return f"tiling: exact, at offsets that are multiples of {self.size_multiple}"
        return (
            "tiling: approximate; tiles differed from the whole image by up to "
            f"{self.tiling_difference:.3g} of 255 levels (--tile none computes it at once)"
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """The whole record, as lines for users."""
        origin = f"imported from {self.file}, SHA-256 {self.sha256[:12]}"
        if self.torch_difference is not None:
            origin += f"; at most {self.torch_difference:.1e} from PyTorch"
        float16 = "float16: on GPUs" if self.has_float16 else "float16: not possible"
        speed = f"speed: {self.seconds_per_megapixel:.3g} s per megapixel ({self.measured_on})"
        return origin, self.tiling_line, speed, float16
