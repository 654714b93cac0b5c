"""Distributed runs: `torchrun --nproc-per-node N -m srgan_gp train ...`.

Every process holds all networks, processes its share of each batch, and takes the same step:
`Processes.average_gradients` averages the gradients after an ordinary backward pass.
PyTorch's DistributedDataParallel would average in each backward pass, and so also the gradient
inside the penalty, which has to be that of the samples of this process alone.
"""

import os

import torch
import torch.distributed as dist
from torch import nn

from srgan_gp.errors import UsageError
from srgan_gp.training.options.config import TrainConfig


class Processes:
    """Context manager of the process group of a run.

    Without `torchrun`, which sets the environment variables RANK and WORLD_SIZE, the run is a
    single process, and every method returns its argument or does nothing.

    Args:
        device: device of this process; the group uses NCCL on CUDA, and gloo on the CPU.

    Attributes:
        rank: number of this process, from 0.
        count: number of processes.
    """

    def __init__(self, device: torch.device) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self._device = device

    @property
    def is_first(self) -> bool:
        """Whether this process validates, reports and writes."""
        return self.rank == 0

    def __enter__(self) -> "Processes":
        """Join the process group."""
        if self.count > 1:
            dist.init_process_group("nccl" if self._device.type == "cuda" else "gloo")
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the process group."""
        if self.count > 1:
            dist.destroy_process_group()

    def share(self, first: int, images: int) -> range:
        """Return the numbers of the images of a batch that this process takes.

        Args:
            first: number of the batch's first image; images are numbered from 0 over the whole run.
            images: number of images in the batch.

        Raises:
            UsageError: the images cannot be shared evenly, so averages would be wrong.
        """
        if images % self.count:
            raise UsageError(
                f"A batch of {images} images cannot be shared by {self.count} processes; choose "
                "batch_size and total_images as multiples of their number."
            )
        size = images // self.count
        own_first = first + self.rank * size
        return range(own_first, own_first + size)

    def require_even_shares(self, config: TrainConfig, images_seen: int) -> None:
        """Check that every batch from image `images_seen` on can be shared, including the last.

        The penalty is taken on every `penalty_every`-th sample of a batch. The share of each
        process must be a multiple of `penalty_every`, so that the penalised samples are those that
        a single process would penalise.

        Raises:
            UsageError: a batch cannot be shared evenly, or a share is not such a multiple.
        """
        left = max(config.total_images - images_seen, 0)
        every = config.penalty_every if config.has_critic and self.count > 1 else 1
        # Only the last batch may be smaller than the others. If it is not, `images_of_last` is 0,
        # which can always be shared.
        images_of_first, images_of_last = min(config.batch_size, left), left % config.batch_size
        for images in (images_of_first, images_of_last):
            size = len(self.share(first=0, images=images))
            if size % every:
                raise UsageError(
                    f"A batch of {images} images over {self.count} processes gives {size} to each, "
                    f"which is not a multiple of penalty_every {every}; choose batch_size and "
                    f"total_images as multiples of {self.count * every}."
                )

    def average_gradients(self, network: nn.Module) -> None:
        """Replace every gradient by its mean over the processes, in place."""
        if self.count == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])  # for a single transfer
        dist.all_reduce(flat)
        flat /= self.count
        means = flat.split([gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum of `values` over the processes, which must all call this; same shape."""
        if self.count > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def any(self, condition: bool) -> bool:
        """Return whether `condition` is true in any of the processes, which must all call this."""
        if self.count == 1:
            return condition
        flag = torch.tensor([float(condition)], device=self._device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag.item())


def device_of_this_process(name: str) -> str:
    """Assign each process its own GPU of the machine.

    Args:
        name: the option `device`: auto, cpu, cuda or cuda:N.

    Returns:
        Under torchrun, which sets the variable LOCAL_RANK: `cuda:LOCAL_RANK` for `auto` and `cuda`,
        and `cpu` for `auto` without a GPU. Otherwise `name`.
    """
    local_rank = os.environ.get("LOCAL_RANK")
    if local_rank is None or name not in ("auto", "cuda"):
        return name
    if name == "auto" and not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{local_rank}"
