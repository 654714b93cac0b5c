"""Settings of a server: address, device, and limits of a request."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServerSettings:
    """What holds for a server as long as it runs."""

    host: str = "127.0.0.1"
    port: int = 7860
    public_name: str | None = None
    """Under which a reverse proxy shows the server to others; None: there is no proxy."""
    device: str = "auto"
    """As for `Upscaler.load`."""
    threads: int | None = None
    """As for `Upscaler.load`."""
    model: str = "photo-x4"
    """For a request that names none."""
    max_upload_bytes: int = 50_000_000
    """Most bytes of the body of one request."""
    max_files: int = 100
    """Most files of one batch."""
    max_pixels: int = 25_000_000
    """Most pixels of a picture, width x height."""
    queue_size: int = 64
    """Most jobs that wait for their turn, of all clients together."""
    pending_per_client: int = 8
    """Most jobs of one client that wait or are under way."""
    auth: tuple[str, str] | None = None
    """User and password that every request must bring; None: nobody is asked."""
    allow_finetune: bool = False
    """Whether a visitor may start a training run."""
    folder: Path | None = None
    """Where temporary files go; None: the system's folder for them."""
    keep_seconds: float = 600
    """How long uploads and results are kept."""
    drain_seconds: float = 30
    """How long jobs under way may go on after the server was asked to end."""
