"""Weights of a run's critic as a safetensors file, for runs that start from the model."""

import json
from collections.abc import Mapping
from importlib.metadata import version

from safetensors.torch import save
from torch import Tensor

from srgan_gp.training import checkpoint
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks import critic_arguments


def critic_file(config: TrainConfig, name: str, tensors: Mapping[str, Tensor]) -> bytes | None:
    """Return the file of the critic in half precision; None for a run without one.

    Args:
        config: options of the run.
        name: of the model.
        tensors: a checkpoint.
    """
    critic = {k: v.half() for k, v in checkpoint.tensors_under("critic.", dict(tensors)).items()}
    if not critic:
        return None
    arguments = json.dumps(critic_arguments(config))
    network = {"architecture": config.critic, "arguments": arguments, "norm": config.critic_norm}
    about = {"srgan_gp_version": version("srgan-gp"), "name": f"{name}.critic"}
    return save(critic, metadata=about | network)
