"""Settings of a server: address, device, models, and limits; set by `srgan-gp app`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServerSettings:
    """Settings that stay fixed while a server runs."""

    host: str = "127.0.0.1"
    """Address or name of this machine on which the server listens."""
    port: int = 7860
    """TCP port; 0: a free one. The default is that of Gradio."""
    public_name: str | None = None
    """Host name under which a reverse proxy serves this server; None: no proxy."""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1",)
    """Addresses and networks of proxies whose X-Forwarded-For names the client of a request."""
    metrics_port: int | None = None
    """Port of the metrics page on the loopback address; 0: a free one. None: no metrics."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda[:N]` or `tensorrt[:N]`; N is the number of the GPU. For training,
    `tensorrt` is the same as `cuda`."""
    threads: int | None = None
    """CPU threads of the network; None: one for each CPU that this process may use."""
    model: str = "photo-x4"
    """Name of the model for requests that name none."""
    offer: tuple[str, ...] = ()
    """Names of imported models, networks of other projects, that clients may use besides `model`.
    Clients may always use the models that this package trained."""
    max_upload_bytes: int = 50_000_000
    """Maximum body size of one request, in bytes. A larger one lets a client fill more disk."""
    max_files: int = 100
    """Maximum number of files in a request, of images in a batch of the page, and of photos for a
    training. Photos inside the zips of a training are not counted. A larger number lets a client
    use the device for longer."""
    max_pixels: int = 25_000_000
    """Maximum width x height of an image, in pixels, as of a camera of 24 megapixels. The memory of
    the decoders grows with it."""
    queue_size: int = 64
    """Maximum number of queued jobs, of all clients together. With a longer queue the last job
    waits longer; with a shorter one, more requests are refused."""
    pending_per_client: int = 8
    """Maximum number of queued and running jobs of one client; a larger one lets a client fill more
    of the queue."""
    auth: tuple[str, str] | None = None
    """User and password that every request must send; None: no authentication."""
    allow_finetune: bool = False
    """Whether a visitor may start a training run."""
    feature_weights: Path | None = None
    """Weights of the feature network, SqueezeNet 1.1, for training; None: the file that `srgan-gp
    fetch feature-network` installs."""
    folder: Path | None = None
    """Directory for temporary files; None: the system's directory for them."""
    keep_seconds: float = 600
    """Seconds for which uploads, and results of jobs that have ended, are kept. A longer time
    needs more disk space; a shorter one leaves visitors less time to download."""
    drain_seconds: float = 30
    """Seconds for which accepted jobs may continue after a signal that ends the server. A longer
    time delays a restart; a shorter one cuts off more jobs."""

    @property
    def named_models(self) -> tuple[str, ...]:
        """The models that the operator named: `model` and those of `offer`.

        Of the imported models, clients may use only these. `model` may be imported too.
        """
        return (self.model, *self.offer)
