"""The option `generator_args`: arguments NAME=VALUE, checked against the generator's constructor.

Arguments that every generator of a task has, such as `scale`, are options of the run instead; all
others are "own arguments" of the generator, such as `width=48`. Imports no torch.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from srgan_gp.errors import UsageError
from srgan_gp.models.cards import FACES, UPSCALING
from srgan_gp.models.catalog import names_in
from srgan_gp.networks.signatures import Argument, Value, arguments_of, assignment, task_of

TASK_ARGUMENTS = {
    UPSCALING: {"scale": "scale"},
    FACES: {"size": "image_size", "latent_size": "latent_size"},
}
"""By task: arguments of every generator's constructor, each with the option that sets it."""
GENERATOR_OPTIONS = (
    "task", "generator", "generator_args", "scale", "image_size", "latent_size",
)  # fmt: skip
"""All fields of `TrainConfig` that define the generator."""
CRITIC_OPTIONS = (
    "critic", "critic_width", "critic_stages", "critic_conditional", "critic_norm", "critic_detail",
)  # fmt: skip
"""All fields of `TrainConfig` that define the critic, beside those of the generator."""
RETIRED = ("width", "blocks", "tail")
"""Options of version 0.1 that became arguments of the generator."""


def own_arguments(generator: str) -> dict[str, Argument]:
    """Return the arguments of a generator that `generator_args` may set, by name.

    Raises:
        UsageError: there is no such generator, or its file does not define one.
    """
    task_arguments = TASK_ARGUMENTS.get(task_of(generator), {})
    arguments = arguments_of(generator)
    return {name: arguments[name] for name in arguments if name not in task_arguments}


def parse_arguments(generator: str, texts: Sequence[str]) -> dict[str, Value]:
    """Parse texts NAME=VALUE; missing arguments have their defaults.

    Returns:
        Values of all own arguments by name, in the order of the constructor.

    Raises:
        UsageError: an argument is unknown, is given twice or has an invalid value.
    """
    known = own_arguments(generator)
    values: dict[str, Value] = {}
    for text in texts:
        name, equals_sign, value = text.partition("=")
        argument = known.get(name)
        if not equals_sign or argument is None or name in values:
            raise UsageError(_explain(generator, text, known, is_repeated=name in values))
        try:
            values[name] = argument.read(value)
        except ValueError:
            raise UsageError(
                f"The argument {name} of {generator} takes {argument.expected}, not {value!r}."
            ) from None
    return {name: values.get(name, argument.default) for name, argument in known.items()}


def complete(generator: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Return a text NAME=VALUE for every own argument; equal networks have equal texts.

    Raises:
        UsageError: as for `parse_arguments`.
    """
    return tuple(
        assignment(name, value) for name, value in parse_arguments(generator, texts).items()
    )


def merge(texts: Sequence[str], changes: Sequence[str]) -> tuple[str, ...]:
    """Return texts NAME=VALUE: those of `texts` that `changes` does not set, then `changes`."""
    changed_names = {_name_in(change) for change in changes}
    unchanged = [text for text in texts if _name_in(text) not in changed_names]
    return (*unchanged, *changes)


def _name_in(text: str) -> str:
    """Return NAME of NAME=VALUE."""
    return text.partition("=")[0]


def options_of_model(generator: str, task: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the constructor's arguments of a model to options of a run.

    Args:
        generator: name of the architecture.
        task: task of the model.
        arguments: values of the constructor's arguments by name.

    Returns:
        Values by field of `TrainConfig`.

    Raises:
        UsageError: as for `parse_arguments`, or there is no such task.
    """
    if task not in TASK_ARGUMENTS:
        raise UsageError(f"There is no task {task!r}; use {', '.join(TASK_ARGUMENTS)}.")
    options: dict[str, Any] = {"task": task, "generator": generator}
    own_texts: list[str] = []
    for name, value in arguments.items():
        option = TASK_ARGUMENTS[task].get(name)
        if option is None:
            own_texts.append(assignment(name, value))
        else:
            options[option] = value
    options["generator_args"] = complete(generator, own_texts)
    return options


def upgrade(options: dict[str, Any]) -> dict[str, Any]:
    """Convert the options of a run of version 0.1, by name, to those of this version, in place."""
    retired = {name: options.pop(name) for name in RETIRED if name in options}
    if retired:
        # Without the option, version 0.1 trained an srresnet.
        known = own_arguments(options.get("generator", "srresnet"))
        texts = [assignment(name, value) for name, value in retired.items() if name in known]
        options["generator_args"] = tuple(texts)
    return options


def describe() -> str:
    """Return the help text: every generator with its own arguments and their defaults."""
    descriptions = []
    for generator in names_in("srgan_gp.networks.generators"):
        arguments = " ".join(map(str, own_arguments(generator).values()))
        descriptions.append(f"{generator}: {arguments or 'none'}")
    return f"arguments of the generator, NAME=VALUE ({'; '.join(descriptions)})"


def _explain(generator: str, text: str, known: Mapping[str, Argument], *, is_repeated: bool) -> str:
    """Return the error message for a text that sets no own argument, or one for a second time.

    Args:
        generator: name of the architecture.
        text: the text, which should be NAME=VALUE.
        known: own arguments of the generator by name.
        is_repeated: whether an earlier text has set the argument.
    """
    name, equals_sign, _ = text.partition("=")
    option = TASK_ARGUMENTS.get(task_of(generator), {}).get(name)
    if is_repeated:
        return f"The argument {name} of {generator} is given twice."
    if option:
        return f"{name} is an option of its own: --{option.replace('_', '-')}."
    if not equals_sign:
        return f"--generator-args takes NAME=VALUE, not {text!r}."
    accepted = ", ".join(map(str, known.values())) or "none"
    return f"The generator {generator} takes no argument {name!r}; it takes {accepted}."
