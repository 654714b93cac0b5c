"""Initial weights of a run's networks, and of other networks, from the files of a model."""

from pathlib import Path

import torch
from torch import nn

from srgan_gp.errors import UsageError
from srgan_gp.networks.tails import DirectTail, reduce_tail
from srgan_gp.training.checkpoint import TrainingState
from srgan_gp.training.weights_file import (
    ONNX,
    is_constant,
    read_metadata,
    read_network,
    read_tensors,
)


def load_start(state: TrainingState, path: Path) -> str:
    """Load a model's weights into the networks of a new run.

    The networks may have layers that the model lacks, as far as `added_layers` of their classes
    names them. Those keep their initial weights.

    Args:
        state: networks of the run; with a critic, it takes the weights of the model's critic.
        path: `.onnx` or `.safetensors` file of the model's generator.

    Returns:
        A message about such layers; "" if there are none.

    Raises:
        UsageError: a file cannot be read or belongs to another architecture.
    """
    added = load_weights(state.generator, path, may_add=True)
    load_weights(state.average.average, path, may_add=True)
    if state.critic:
        added += load_critic(state.critic, path, may_add=True)
    if not added:
        return ""
    return (
        f"{path.name} or its critic lacks {len(added)} tensors of this run's networks, such as "
        f"{added[0]}. They start with their initial weights."
    )


def load_weights(
    network: nn.Module,
    path: Path,
    *,
    may_add: bool = False,
    options: str = "generator, its generator_args and scale",
) -> list[str]:
    """Load a model's weights into a network of the same architecture.

    A generator with a `DirectTail` also takes the weights of a model whose scale is a multiple of
    the generator's, such as those of x4 for x2.

    Args:
        network: receives the weights.
        path: an `.onnx` or `.safetensors` file.
        may_add: whether the file may lack tensors of layers that the attribute `added_layers` of
            the network names by parts of their names.
        options: names of the options that define the network, for an error message.

    Returns:
        Names of the tensors that the file lacks, which keep their values.

    Raises:
        UsageError: the file cannot be read or belongs to another architecture.
    """
    tensors = {name: torch.from_numpy(values) for name, values in read_tensors(path).items()}
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if path.suffix == ONNX:  # constants of the graph are not parameters of the network
        tensors = {key: tensors[key] for key in tensors if key in expected or not is_constant(key)}
    if isinstance(getattr(network, "tail", None), DirectTail):
        tensors = reduce_tail(tensors, expected)
    name_parts = getattr(network, "added_layers", ()) if may_add else ()
    added = [
        name
        for name in expected
        if name not in tensors and any(part in name for part in name_parts)
    ]
    tensors |= {name: network.state_dict()[name] for name in added}
    stored = {name: tuple(value.shape) for name, value in tensors.items()}
    differing = [name for name in expected | stored if expected.get(name) != stored.get(name)]
    if differing:
        name = differing[0]
        raise UsageError(
            f"{path} holds another network: {len(differing)} tensors differ, such as {name}, "
            f"{stored.get(name, 'missing')} there and {expected.get(name, 'missing')} here. Pass "
            f"the {options} that it was trained with."
        )
    network.load_state_dict(tensors)
    return added


def load_critic(critic: nn.Module, path: Path, *, may_add: bool = False) -> list[str]:
    """Load the critic `NAME.critic.safetensors` beside the generator NAME, if that file exists.

    Without that file the critic keeps its weights.

    Args:
        critic: receives the weights.
        path: file of the generator.
        may_add: as for `load_weights`.

    Returns:
        As `load_weights`; empty without that file.

    Raises:
        UsageError: the file cannot be read or belongs to another architecture.
    """
    critic_path = path.with_suffix(".critic.safetensors")
    if not critic_path.is_file():
        return []
    metadata = read_metadata(critic_path)
    # `options` is for the message about a file with another network.
    if "architecture" in metadata:
        _task, architecture, arguments = read_network(critic_path)
        arguments["norm"] = metadata.get("norm", "none")
        values = ", ".join(f"{name} {value}" for name, value in arguments.items())
        options = f"critic {architecture} ({values})"
    else:  # a file of an earlier version, which does not state the values
        options = "critic, critic_width, critic_stages, critic_conditional, critic_norm and scale"
    return load_weights(critic, critic_path, may_add=may_add, options=options)
