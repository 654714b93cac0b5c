"""Building a run's generator and critic from its options.

Both tasks, super-resolution and face generation, build their networks here. Export and fine-tuning
call `generator_arguments` and `critic_arguments` only.
"""

from torch import nn

from srgan_gp.errors import UsageError
from srgan_gp.models.cards import FACES
from srgan_gp.networks import build, names, task_of
from srgan_gp.networks.critic_norms import CRITIC_NORMS
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.generator_args import TASK_ARGUMENTS, parse_arguments

Arguments = dict[str, int | float | str | bool]
"""Arguments of a network's constructor by name."""


def build_generator(config: TrainConfig) -> nn.Module:
    """Build a run's generator with fresh weights.

    Raises:
        UsageError: there is no such architecture, it is for another task, or an argument is not
            valid.
    """
    name = config.generator
    is_known = name in names("generators")  # `build` below raises the error about an unknown name
    if is_known and task_of(name) != config.task:
        raise UsageError(
            f"The generator {name!r} is for {task_of(name)}, not for {config.task}; choose another "
            "generator or task, or a preset, which sets both."
        )
    return build("generators", name, **generator_arguments(config))


def build_critic(config: TrainConfig) -> nn.Module:
    """Build a run's critic with fresh weights and its normalisation.

    Raises:
        UsageError: there is no such architecture, or an argument is not valid.
    """
    critic = build("critics", config.critic, **critic_arguments(config))
    CRITIC_NORMS[config.critic_norm](critic)  # changes the layers in place
    return critic


def generator_arguments(config: TrainConfig) -> Arguments:
    """Return the arguments of the generator's constructor.

    Arguments that every generator of the task has, such as `scale`, are options of the run; all
    others are in the option `generator_args`.
    """
    # `TASK_ARGUMENTS` has the option that sets an argument, by task and name of the argument.
    option_by_argument = TASK_ARGUMENTS[config.task]
    task_arguments = {name: getattr(config, option) for name, option in option_by_argument.items()}
    return task_arguments | parse_arguments(config.generator, config.generator_args)


def critic_arguments(config: TrainConfig) -> Arguments:
    """Return the arguments of the critic's constructor."""
    if config.task == FACES:  # the size of the faces determines the number of stages
        arguments: Arguments = {"size": config.image_size, "width": config.critic_width}
        # Only `projected_critic` has this argument; `build` refuses it for another one.
        return arguments | {"detail": True} if config.critic_detail else arguments
    return {
        "scale": config.scale,
        "width": config.critic_width,
        "stages": config.critic_stages,
        "conditional": config.critic_conditional,
    }
