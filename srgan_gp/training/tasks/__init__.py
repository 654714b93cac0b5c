"""The tasks a network is trained for, one file each."""

from srgan_gp.training.tasks.protocol import Batch, Task
from srgan_gp.training.tasks.super_resolution import (
    SuperResolution,
    critic_arguments,
    generator_arguments,
)

__all__ = ["TASKS", "Batch", "SuperResolution", "Task", "critic_arguments", "generator_arguments"]

TASKS: dict[str, type[SuperResolution]] = {"super-resolution": SuperResolution}
