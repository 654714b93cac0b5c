"""Parts of a `ModelCard`: files, training images, scores, the training run, the int8 network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FileRecord:
    """A file of a model: its name in the folder of the card, SHA-256 (64 hex digits) and size."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class DataSource:
    """A source of training images: description, licence, attribution and consent."""

    what: str
    licence: str
    attribution: str
    consent: str = ""
    """Consent of the people in the images; empty if there are none."""


@dataclass(frozen=True)
class Score:
    """A measured score; `protocol` says how to reproduce it.

    PSNR-Y, SSIM-Y and consistency are better when higher; squeeze distance, patch distance,
    pattern, FD and KID when lower; grain near that of the original; diversity and novelty near 1.
    """

    metric: str
    set: str
    value: float
    protocol: str


@dataclass(frozen=True)
class TrainingRecord:
    """The last run of the recipe: what identifies it."""

    images_seen: int
    options_sha256: str
    """SHA-256 of the run's config.json, 64 hex digits."""
    commit: str = ""
    """Git commit of the code when the run began; empty outside a checkout."""
    blended_with: str = ""
    """Share and file of the model whose weights were averaged with the run's; empty if none."""


@dataclass(frozen=True)
class Int8Record:
    """Difference of the int8 network, `files.int8`, from the float32 one; in levels of 255."""

    largest_difference: float
    mean_difference: float
    psnr: float
    """PSNR in dB of the int8 results, with those of float32 as the reference."""
    measured_on: str

    @property
    def line(self) -> str:
        """The difference as a message for users."""
        return (
            f"int8 differs from float32 by {self.mean_difference:.2f} of 255 levels on average and "
            f"{self.largest_difference:.0f} at most (on {self.measured_on})"
        )
