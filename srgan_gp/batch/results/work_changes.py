"""`describe_change`: how an earlier result differs from the result of this run, as text.

The text names options as the user types them on the command line of `srgan-gp upscale`. A work
(`results.work.Work`) is the model and the options that a result is made with.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal, cast

from srgan_gp.batch.results.work import Work

_WORDING = {
    "scale": ("scale {}", "another scale"),
    "width": ("--width {}", "without --width"),
    "precision": ("--precision {}", "another --precision"),
    "tta": ("--tta", "without --tta"),
    "format": ("-f {}", "without -f"),
    "quality": ("-q {}", "the default quality"),
    "frames": ("--frames {}", "all frames"),
    "strip_metadata": ("--strip-metadata", "metadata kept"),
    "suffix": ("--suffix {}", "without --suffix"),
    "name_template": ("--name-template {}", "without --name-template"),
    "face_strength": ("--face-strength {}", "without --faces"),
    "face_model": ("--face-model {}", "without --faces"),
    "face_detector": ("the face detector {}", "without --faces"),
}
"""By name of an option: its text with a value, and its text where it is not used."""
_UNUSED_TEXTS = ("auto", "all", "")
"""Texts that stand for an option that is not used."""


@dataclass(frozen=True)
class Change:
    """Difference between an existing result and the result that a run would write."""

    kind: Literal["model version", "work", "image", "unrecorded"]
    """`model version`: only the version of the model differs. `work`: model or options differ, or
    are unknown. `image`: the image differs, or the file was changed. `unrecorded`: the journal has
    no row about the file, which may not be a result of this program."""
    text: str
    """The difference, to be put after "was" or "were", such as `made by photo-x4, now photo-x2`."""


def describe_change(key: str | None, made: Work | None, now: Work | None) -> Change:
    """Return why an existing file is not the result that this run would write.

    Called only if the file is not up to date. So if its key is that of this run, the input or the
    file itself has changed.

    Args:
        key: `work_key` of the existing result; None: the journal has no row about the file.
        made: work of the existing result; None: it was not recorded, since an earlier version of
            this package wrote the row.
        now: work of this run; None: unknown.
    """
    if key is None:
        return Change("unrecorded", "not recorded in the journal of the folder")
    if now is not None and key == now.key:
        return Change("image", "made from another image, or changed since")
    if made is None or now is None:
        return Change("work", "made with other options or another version of the model")
    old, new = json.loads(made.options), json.loads(now.options)
    is_other_model = _comparable_name(made.model) != _comparable_name(now.model)
    # `Work.model` is the model that ran; `model` among the options is the requested model. For one
    # requested model another one may run, because of the scale or the look.
    is_same_request = "model" in old and old["model"] == new.get("model")
    differences = _differences(old, new)
    # After the same request, the option that led to another model says more than the models.
    if differences and (is_same_request or not is_other_model):
        return Change("work", f"made with other options ({'; '.join(differences)})")
    if is_other_model:
        return Change("work", _model_text(made, now, new))
    version = f"made by an earlier version of {now.model}"
    if "precision" in new and "precision" not in old:
        # An earlier version of the program, which did not record the precision, wrote the row.
        version += ", or with another --precision"
    return Change("model version", version)


def _comparable_name(model: str) -> str:
    """Return a name that is equal for equal models, whatever version of this program wrote it.

    Earlier versions wrote `a at fidelity 1 (towards b)`, this one writes `a at fidelity 1 (the
    weights of b)`; the result for both is `a at fidelity 1`.
    """
    return re.sub(r"( at fidelity [01]) \((towards|the weights of) .*\)$", r"\1", model)


def _model_text(made: Work, now: Work, new: dict[str, Any]) -> str:
    """Return the names of both models, and how to continue with the earlier one."""
    text = f"made by {made.model}, now {now.model}"
    if made.model == new.get("model"):  # For this scale, another model than the requested one runs.
        text += f", the default for this size (-n {made.model} continues with {made.model})"
    return text


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return the options that differ, such as `without --width, now --width 800`."""
    parts: list[str] = []
    # Fidelity 0 is the model as it is, like no fidelity.
    if (old.get("fidelity") or 0) != (new.get("fidelity") or 0):
        parts.append(f"{_look_text(old, new)}, now {_look_text(new, old)}")
    had_faces, has_faces = "face_strength" in old, "face_strength" in new  # `--faces` was passed
    if had_faces and not has_faces:
        parts.append("--faces, now without --faces")
    if has_faces and not had_faces:
        parts.append("without --faces, now --faces")
    for name, (used, unused) in _WORDING.items():
        values = old.get(name), new.get(name)
        is_equal = values[0] == values[1] or all(map(_is_unused, values))
        # If only one of the works has `--faces`, the lines above the loop have reported that.
        if is_equal or (name.startswith("face_") and not (had_faces and has_faces)):
            continue
        if name == "scale" and None in values:  # One of the works has a width, which is named.
            continue
        # The work key is the same for float16 and float32, since results differ only by rounding.
        if name == "precision" and (None in values or "int8" not in values):
            continue
        texts = [
            unused if _is_unused(value) else used.format(_value_text(value)) for value in values
        ]
        if not any(map(_is_unused, values)):
            texts[1] = _value_text(values[1])  # such as `scale 2, now 4`
        parts.append(f"{texts[0]}, now {texts[1]}")
    return parts


def _is_unused(value: object) -> bool:
    """Return whether an option is not used, by its value. The number 0 is a value that is used."""
    return value is None or value is False or value in _UNUSED_TEXTS


def _look_text(values: dict[str, Any], other: dict[str, Any]) -> str:
    """Return `--look` or `--fidelity` as it was typed; a look is a name for a fidelity.

    Args:
        values: options of a run by name.
        other: options of the run that it is compared with.
    """
    if values.get("look"):
        return f"--look {values['look']}"
    if values.get("fidelity") is not None:
        return f"--fidelity {values['fidelity']:g}"
    return "without --look" if other.get("look") else "without --fidelity"


def _value_text(value: object) -> str:
    """Format the value of an option as the user types it."""
    if isinstance(value, dict):
        qualities = cast("dict[str, int]", value)
        return ",".join(f"{name.lower()}={number}" for name, number in qualities.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
