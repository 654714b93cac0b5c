"""`critic_file`: weights of a run's critic as a safetensors file.

`export` writes it beside the model, and fine-tuning of the model starts with this critic.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version

from safetensors.torch import save
from torch import Tensor

from srgan_gp.training import checkpoint
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks import critic_arguments


def critic_file(config: TrainConfig, name: str, tensors: Mapping[str, Tensor]) -> bytes | None:
    """Return the safetensors file of a critic, in half precision for half the size.

    Args:
        config: options of the run.
        name: name of the model.
        tensors: tensors of a checkpoint by name; those of the critic start with `critic.`.

    Returns:
        Bytes of the file, which names the tensors without `critic.`, and has the architecture in
        its metadata; None if the run has no critic.
    """
    weights = checkpoint.tensors_under("critic.", dict(tensors))
    if not weights:
        return None
    half_weights = {key: tensor.half() for key, tensor in weights.items()}
    arguments = json.dumps(critic_arguments(config))
    network = {"architecture": config.critic, "arguments": arguments, "norm": config.critic_norm}
    about = {"srgan_gp_version": version("srgan-gp"), "name": f"{name}.critic"}
    return save(half_weights, metadata=about | network)
