"""Parts of a `ModelCard`: files, training images, scores, the training run, the int8 network.

A model card is a TOML file; each class here is a table of it, and its fields are the keys.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class FileRecord:
    """A file of a model."""

    name: str
    """Name in the folder of the card."""
    sha256: str
    """64 hexadecimal digits."""
    bytes: int
    """Size of the file."""


@dataclass(frozen=True)
class DataSource:
    """A source of training images."""

    what: str
    """Description of the images."""
    licence: str
    """Licence of the images."""
    attribution: str
    """Credit that the licence asks for."""
    consent: str = ""
    """Consent of the people in the images; empty if there are none."""


@dataclass(frozen=True)
class Score:
    """A measured score.

    Higher is better for PSNR-Y, SSIM-Y and consistency; lower is better for squeeze distance, patch
    distance, pattern, FD and KID. Grain is best near the grain of the original, diversity and
    novelty near 1. The package `srgan_gp.metrics` defines these metrics.

    Attributes:
        metric: name of the metric, such as `PSNR-Y`.
        set: name of the validation set.
        value: the score, in the unit of the metric.
        protocol: how the score was measured, so that it can be reproduced.
    """

    metric: str
    set: str
    value: float
    protocol: str


@dataclass(frozen=True)
class TrainingRecord:
    """The training run that the model comes from."""

    images_seen: int
    """Number of training images that the exported weights have seen, repetitions included."""
    options_sha256: str
    """SHA-256 of the run's config.json, 64 hexadecimal digits."""
    run_sha256: str = ""
    """SHA-256 of the options that cannot change within a run, and of its images; empty on cards of
    earlier versions."""
    commit: str = ""
    """Git commit of the code when the run began; empty outside a checkout."""
    blended_with: str = ""
    """Share and file of the model whose weights were averaged with those of the run; empty without
    an average."""
    smoothing: float = 0.0
    """Share of each neighbouring pixel, 0 to 0.25, in the filter that smooths the images of a face
    generator (`networks.blocks.smooth`); 0: no filter."""


@dataclass(frozen=True)
class Int8Record:
    """Difference of the results of the int8 network from those of the float32 network.

    The int8 network is the file `files.int8` of the card.
    """

    largest_difference: float
    """Largest absolute difference of a value, in levels of 255."""
    mean_difference: float
    """Mean absolute difference, in levels of 255."""
    psnr: float
    """PSNR in dB of the int8 results, with those of float32 as the reference."""
    measured_on: str
    """The images that were compared."""

    @property
    def line(self) -> str:
        """The difference, as a line for users."""
        return (
            f"int8 differs from float32 by {self.mean_difference:.2f} of 255 levels on average and "
            f"{self.largest_difference:.0f} at most (on {self.measured_on})"
        )
