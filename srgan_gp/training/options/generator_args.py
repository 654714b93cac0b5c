"""The option `generator_args`: arguments NAME=VALUE, checked against the generator's constructor.

Arguments of the constructor that belong to the task, such as `scale`, are options of their own.
Imports no torch.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from srgan_gp.errors import UsageError
from srgan_gp.models.cards import FACES
from srgan_gp.models.catalog import names_in
from srgan_gp.networks.signatures import Argument, Value, arguments_of, assignment, task_named_by

TASK_ARGUMENTS = {
    "super-resolution": {"scale": "scale"},
    FACES: {"size": "image_size", "latent_size": "latent_size"},
}
"""By task: arguments of a constructor -> options of a run with their values."""
GENERATOR_OPTIONS = (
    "task", "generator", "generator_args", "scale", "image_size", "latent_size",
)  # fmt: skip
"""All options of a run that define its generator."""
CRITIC_OPTIONS = (
    "critic", "critic_width", "critic_stages", "critic_conditional", "critic_norm",
)  # fmt: skip
"""All options of a run that define its critic, beside those of its generator."""
RETIRED = ("width", "blocks", "tail")
"""Options of version 0.1 that became arguments."""


def own_arguments(generator: str) -> dict[str, Argument]:
    """List the arguments of a generator that `generator_args` may set.

    Raises:
        UsageError: there is no such generator, or its file does not define one.
    """
    of_task = TASK_ARGUMENTS.get(task_named_by(generator), {})
    return {name: found for name, found in arguments_of(generator).items() if name not in of_task}


def parse(generator: str, texts: Sequence[str]) -> dict[str, Value]:
    """Parse texts NAME=VALUE; missing arguments have their defaults.

    Returns:
        A value for every argument, in the order of the constructor.

    Raises:
        UsageError: an argument is unknown, is given twice or has an invalid value.
    """
    known = own_arguments(generator)
    values: dict[str, Value] = {}
    for text in texts:
        name, is_set, value = text.partition("=")
        argument = known.get(name)
        if not is_set or argument is None or name in values:
            raise UsageError(_explain(generator, text, known, is_repeated=name in values))
        try:
            values[name] = argument.read(value)
        except ValueError:
            raise UsageError(
                f"The argument {name} of {generator} takes {argument.expected}, not {value!r}."
            ) from None
    return {name: values.get(name, argument.default) for name, argument in known.items()}


def complete(generator: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Return NAME=VALUE for every argument, so that equal networks have equal texts.

    Raises:
        UsageError: as for `parse`.
    """
    return tuple(assignment(name, value) for name, value in parse(generator, texts).items())


def merge(texts: Sequence[str], changes: Sequence[str]) -> tuple[str, ...]:
    """Return `texts` with those replaced that `changes` also sets."""
    changed = {change.partition("=")[0] for change in changes}
    return (*(text for text in texts if text.partition("=")[0] not in changed), *changes)


def from_model(generator: str, task: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the constructor's arguments of a model to options of a run.

    Raises:
        UsageError: as for `parse`, or there is no such task.
    """
    if task not in TASK_ARGUMENTS:
        raise UsageError(f"There is no task {task!r}; use {', '.join(TASK_ARGUMENTS)}.")
    of_task = TASK_ARGUMENTS[task]
    texts = [assignment(name, v) for name, v in arguments.items() if name not in of_task]
    options = {of_task[name]: value for name, value in arguments.items() if name in of_task}
    return {
        "task": task,
        "generator": generator,
        "generator_args": complete(generator, texts),
        **options,
    }


def upgrade(options: dict[str, Any]) -> dict[str, Any]:
    """Convert the options of a run of version 0.1 to those of this version; changes `options`."""
    retired = {name: options.pop(name) for name in RETIRED if name in options}
    if retired:
        known = own_arguments(options.get("generator", "srresnet"))
        texts = [assignment(name, value) for name, value in retired.items() if name in known]
        options["generator_args"] = tuple(texts)
    return options


def describe() -> str:
    """Return the help text: every generator with its arguments and their defaults."""
    found = [
        f"{name}: {' '.join(map(str, own_arguments(name).values())) or 'none'}"
        for name in names_in("srgan_gp.networks.generators")
    ]
    return f"arguments of the generator, NAME=VALUE ({'; '.join(found)})"


def _explain(generator: str, text: str, known: Mapping[str, Argument], *, is_repeated: bool) -> str:
    name, is_set, _ = text.partition("=")
    option = TASK_ARGUMENTS.get(task_named_by(generator), {}).get(name)
    if is_repeated:
        return f"The argument {name} of {generator} is given twice."
    if option:
        return f"{name} is an option of its own: --{option.replace('_', '-')}."
    if not is_set:
        return f"--generator-args takes NAME=VALUE, not {text!r}."
    takes = ", ".join(map(str, known.values())) or "none"
    return f"The generator {generator} takes no argument {name!r}; it takes {takes}."
