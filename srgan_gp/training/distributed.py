"""Distributed runs: `torchrun --nproc-per-node N -m srgan_gp train ...`.

Every process holds the whole network, processes its share of each batch, and takes the same step:
gradients are averaged explicitly after an ordinary backward pass. DistributedDataParallel around
the critic would break the penalty, whose inner gradient must stay local.
"""

import os

import torch
import torch.distributed as dist
from torch import nn

from srgan_gp.errors import UsageError
from srgan_gp.training.options.config import TrainConfig


class Processes:
    """Process group of a run; a single process unless torchrun started it. A context manager.

    Args:
        device: device of this process; CUDA uses NCCL, the CPU gloo.

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

    def share(self, first: int, count: int) -> range:
        """Return the numbers of this process's images among `first` to `first + count`.

        Raises:
            UsageError: they cannot be shared evenly, so averages would be wrong.
        """
        if count % self.count:
            raise UsageError(
                f"A batch of {count} images cannot be shared by {self.count} processes; choose "
                "batch_size and total_images as multiples of their number."
            )
        size = count // self.count
        return range(first + self.rank * size, first + (self.rank + 1) * size)

    def require_even_shares(self, config: TrainConfig, images_seen: int) -> None:
        """Check that every batch from image `images_seen` on can be shared, including the last.

        Raises:
            UsageError: one cannot, or the penalty, on every `penalty_every`-th sample of a batch,
                would use other samples than in one process.
        """
        left = max(config.total_images - images_seen, 0)
        every = config.penalty_every if config.has_critic and self.count > 1 else 1
        for count in (min(config.batch_size, left), left % config.batch_size):
            size = len(self.share(0, count))
            if size % every:
                raise UsageError(
                    f"A batch of {count} images over {self.count} processes gives {size} to each, "
                    f"which is not a multiple of penalty_every {every}; choose batch_size and "
                    f"total_images as multiples of {self.count * every}."
                )

    def average_gradients(self, network: nn.Module) -> None:
        """Replace every gradient by its mean over the processes, in place."""
        if self.count == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.count
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, parts, strict=True):
            gradient.copy_(mean.view_as(gradient))

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum `values`, of one shape, over the processes; all must call this."""
        if self.count > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def any(self, condition: bool) -> bool:
        """Return whether `condition` is true in any process; all must call this."""
        if self.count == 1:
            return condition
        flag = torch.tensor([float(condition)], device=self._device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag.item())


def device_of_this_process(name: str) -> str:
    """Assign each process of a machine its own GPU: `auto` and `cuda` become `cuda:LOCAL_RANK`."""
    local = os.environ.get("LOCAL_RANK")
    if local is None or name not in ("auto", "cuda"):
        return name
    return f"cuda:{local}" if name == "cuda" or torch.cuda.is_available() else "cpu"
