"""Training tasks: super-resolution and face generation, and the interface of a task.

Their validation sets are in `srgan_gp.training.validation`.
"""

from srgan_gp.training.tasks.architecture import critic_arguments, generator_arguments
from srgan_gp.training.tasks.face_generation import FaceGeneration
from srgan_gp.training.tasks.super_resolution import SuperResolution
from srgan_gp.training.tasks.task_interface import Batch, Task

__all__ = [
    "TASKS",
    "Batch",
    "FaceGeneration",
    "SuperResolution",
    "Task",
    "critic_arguments",
    "generator_arguments",
]

TASKS: dict[str, type[SuperResolution] | type[FaceGeneration]] = {
    "super-resolution": SuperResolution,
    "face-generation": FaceGeneration,
}
"""Tasks by the value of the option `task`; all have the constructor arguments (config, data,
validation, device, processes)."""
