"""`read_model`: reads a model file, checks hash and content, averages a model with its partner.

The fidelity is the weight of the partner in the average. A model of realistic texture has a partner
that stays closer to the input: the same network, trained without a critic.
"""

import hashlib
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.models.cards import ModelCard
from srgan_gp.models.catalog import ModelFile, find_model
from srgan_gp.models.named_models import find_partner

WEIGHT_SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors")
"""Suffixes of files that have weights and no graph."""
_EXPORT_ADVICE = "Export it again with its training photos"  # for a model of this package


@dataclass(frozen=True)
class ModelBytes:
    """A verified ONNX model."""

    name: str
    """Name of the model. With a fidelity or TTA it is a text, such as `a with TTA`,
    `a at fidelity 0.3 (towards b)` or `a at fidelity 1 (the weights of b)`."""
    data: bytes
    """Bytes of an ONNX file."""
    sha256: str
    """SHA-256 of `data` in hex, also for an average of two models."""
    card: ModelCard | None = None
    """Card of the model that was asked for; None if this model has no card."""


def read_model(
    model: str | Path,
    fidelity: float | None = None,
    task: str | None = None,
    *,
    is_int8: bool = False,
    tta: bool = False,
) -> ModelBytes:
    """Read a model, its int8 network, or its average with its fidelity partner.

    Every file is hashed before it is parsed, and the hashed bytes are returned. A file that is not
    installed is checked by `foreign_models.parse_safely` before ONNX Runtime loads it.

    Args:
        model: name of a model or path of an `.onnx` file, as for `find_model`.
        fidelity: weight of the partner: 0 returns the bytes of the model, 1 those of its partner,
            values between a model of averaged weights. None reads the model as it is.
        task: the message about an unknown name lists the models of this task; None: of all tasks.
        is_int8: read the int8 network that the model's card names.
        tta: build the network of `self_ensemble` from what is read.

    Returns:
        The verified model.

    Raises:
        UsageError: `fidelity` is not from 0 to 1 or given for an int8 network, or the model has no
            partner or no int8 network.
        ModelRefusedError: the model is unknown, damaged, unsafe, cannot be averaged with its
            partner, or cannot run with TTA.
    """
    if tta:
        return _with_tta(read_model(model, fidelity, task, is_int8=is_int8))
    if fidelity is None and not is_int8:  # the usual case: no second file is needed
        file = find_model(model, task)
        return ModelBytes(file.name, *_read_verified(file), file.card)
    file, partner_or_int8 = find_weights(model, fidelity, task, is_int8=is_int8)
    if fidelity is None:
        return ModelBytes(file.name, *_read_verified(partner_or_int8), file.card)
    partner = partner_or_int8
    name = f"{file.name} at fidelity {fidelity:g}"
    if fidelity in (0, 1):  # one of these two numbers, not between: the weights of one model
        unmixed = partner if fidelity == 1 else file
        name += f" (the weights of {unmixed.name})"
        return ModelBytes(name, *_read_verified(unmixed), file.card)
    name += f" (towards {partner.name})"
    data = _read_average(file, partner, fidelity)
    return ModelBytes(name, data, hashlib.sha256(data).hexdigest(), file.card)


def find_weights(
    model: str | Path,
    fidelity: float | None = None,
    task: str | None = None,
    *,
    is_int8: bool = False,
) -> tuple[ModelFile, ModelFile]:
    """Find the files that `read_model` reads for the same arguments, without reading them.

    Returns:
        The model, and the second file: its fidelity partner or its int8 network. If neither was
        asked for, the second file is the model again.

    Raises:
        UsageError: as for `read_model`.
        ModelRefusedError: the model is unknown, or its partner is missing or has another network.
    """
    check_fidelity(fidelity, is_int8=is_int8)
    file = find_model(model, task)
    if is_int8:
        return file, _int8_file(file)
    return file, file if fidelity is None else find_partner(file)


def check_fidelity(fidelity: float | None, *, is_int8: bool) -> None:
    """Check a fidelity for any model, as `find_weights` does before it looks for the model.

    Raises:
        UsageError: `fidelity` is not from 0 to 1, or given for an int8 network.
    """
    if fidelity is not None and not 0 <= fidelity <= 1:
        raise UsageError(f"The fidelity must be from 0 to 1, not {fidelity}.")
    if is_int8 and fidelity is not None:
        raise UsageError(
            "An int8 network cannot be mixed with another; leave out the fidelity or the precision "
            "int8."
        )


def require_float16(model: ModelBytes) -> None:
    """Check that a model can run in float16.

    An imported model was tried in float16 when it was imported. All other models can run in it.

    Raises:
        ModelRefusedError: the graph of an imported model has no float16 version.
    """
    record = model.card.imported if model.card else None
    if record is not None and not record.has_float16:
        raise ModelRefusedError(
            f"The model {model.name} cannot run in float16, as its import found. "
            "Use the precision float32."
        )


def _read_verified(file: ModelFile) -> tuple[bytes, str]:
    """Return a file's bytes and their SHA-256 in hex; ModelRefusedError if they are not safe."""
    if file.path.suffix.lower() in WEIGHT_SUFFIXES:
        command = f"srgan-gp import {shlex.quote(str(file.path))} --name NAME"
        raise ModelRefusedError(
            f"{file.path} holds weights without a network. Install it as a model first: {command}"
        )
    try:
        data = file.path.read_bytes()
    except OSError as error:
        raise ModelRefusedError(
            f"The model {file.path} cannot be read: {error.strerror}."
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if file.expected_sha256 not in (None, digest):
        raise ModelRefusedError(
            f"The model {file.path} is damaged: its SHA-256 starts with {digest[:12]}, on its "
            f"card with {str(file.expected_sha256)[:12]}. Install or export it again."
        )
    if not file.is_installed:
        from srgan_gp.inference.loading import foreign_models

        foreign_models.parse_safely(data, str(file.path))
    return data, digest


def _with_tta(model: ModelBytes) -> ModelBytes:
    """Return the network that averages over flips and rotations; ModelRefusedError if none can."""
    from srgan_gp.inference.loading import foreign_models
    from srgan_gp.inference.loading.self_ensemble import self_ensemble

    try:
        data = self_ensemble(foreign_models.parse_safely(model.data, model.name))
    except ValueError as error:
        raise ModelRefusedError(f"The model {model.name} cannot run with TTA: {error}.") from None
    sha256 = hashlib.sha256(data).hexdigest()
    return replace(model, name=f"{model.name} with TTA", data=data, sha256=sha256)


def _int8_file(file: ModelFile) -> ModelFile:
    """Return path and hash of the int8 network of a model; UsageError if it has none."""
    if file.card is None or file.card.int8 is None:
        is_imported = file.card is not None and file.card.imported is not None
        advice = "Import it again with --photos" if is_imported else _EXPORT_ADVICE
        raise UsageError(
            f"The model {file.name} has no int8 network. {advice}, or use the precision float32."
        )
    record = file.card.files["int8"]  # `read_card` checks that `files.int8` exists.
    return replace(file, path=file.path.with_name(record.name), expected_sha256=record.sha256)


def _read_average(file: ModelFile, partner: ModelFile, fidelity: float) -> bytes:
    """Return the bytes of the average; ModelRefusedError if the two networks differ."""
    from srgan_gp.inference.loading import foreign_models
    from srgan_gp.inference.loading.fidelity_mixing import mix

    data, _ = _read_verified(file)
    partner_data, _ = _read_verified(partner)
    model = foreign_models.parse_safely(data, file.name)
    partner_model = foreign_models.parse_safely(partner_data, partner.name)
    try:
        return mix(model, partner_model, fidelity)
    except ValueError as error:
        raise ModelRefusedError(
            f"The models {file.name} and {partner.name} cannot be mixed: {error}. "
            f"Set another fidelity_partner on the card of {file.name}."
        ) from None
