"""`read_weights`: reads `.pth`, `.pt`, `.ckpt` and `.safetensors` files without running their code.

A `.pth` file is a pickle, which can run code when it is opened. It is read by spandrel's restricted
unpickler, which accepts tensors and dictionaries only. TorchScript programs are refused.
"""

import io
import zipfile
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from spandrel import canonicalize_state_dict

# Not public; therefore `pyproject.toml` limits the version.
from spandrel.__helpers.unpickler import RestrictedUnpickle
from torch import Tensor

from srgan_gp.errors import ModelRefusedError

MAX_EXPANSION = 4
"""Largest ratio of the bytes of all tensors to the bytes of the file. The ratio is at most 1 if
each tensor has its own numbers in the file. It may be larger, because a file may store the weights
that layers share only once. With a larger limit, a small forged file could fill more memory."""
_ZIP_START = b"PK\x03\x04"  # PyTorch writes pickles in zip archives since version 1.6


def read_weights(data: bytes, name: str, suffix: str) -> dict[str, Tensor]:
    """Read the weights of one network.

    Args:
        data: bytes of the file.
        name: name of the file, for messages.
        suffix: one of `model_files.WEIGHT_SUFFIXES`.

    Returns:
        Tensors on the CPU by the names of their parameters, without the prefixes and the outer
        dictionaries that training programs add.

    Raises:
        ModelRefusedError: the file is damaged, holds code or a TorchScript program, or holds
            anything but tensors.
    """
    try:
        content: object = (
            load_safetensors(data) if suffix == ".safetensors" else _unpickle(data, name)
        )
        # Removes the prefixes and the outer dictionaries.
        weights = canonicalize_state_dict(cast("dict[str, Any]", content))
    except ModelRefusedError:
        raise
    except SafetensorError as error:
        raise ModelRefusedError(f"{name} is damaged: {_reason(error)}.") from error
    except Exception as error:  # Unpickling raises many kinds.
        reason = _reason(error)
        if "is forbidden" in reason:  # the message of spandrel's unpickler
            raise ModelRefusedError(
                f"{name} holds more than weights: {reason}. It was not run, and nothing was "
                "installed."
            ) from error
        raise ModelRefusedError(f"{name} is damaged or holds no weights: {reason}.") from error
    _check_weights(weights, len(data), name)
    return weights


def _unpickle(data: bytes, name: str) -> object:
    """Read a pickle of PyTorch; ModelRefusedError for a TorchScript program."""
    if data.startswith(_ZIP_START):
        _check_archive(data, name)
    # `weights_only` would select PyTorch's own unpickler instead of spandrel's restricted one.
    return torch.load(
        io.BytesIO(data), map_location="cpu", pickle_module=RestrictedUnpickle, weights_only=False
    )


def _check_archive(data: bytes, name: str) -> None:
    """Refuse TorchScript, which PyTorch would load as a program, and compressed archives.

    Raises:
        ModelRefusedError: the archive is a TorchScript program or compressed.
    """
    # PyTorch's own reader lists the files that PyTorch would load; in a forged archive, another
    # reader may find other files.
    reader = cast("Any", torch)._C.PyTorchFileReader(io.BytesIO(data))
    records = reader.get_all_records()
    if any(record.startswith("code/") or record == "constants.pkl" for record in records):
        raise ModelRefusedError(
            f"{name} is a TorchScript program, which can run code. Save its state_dict as "
            ".safetensors, and import that."
        )
    # PyTorch's reader does not tell whether a file is compressed, and a forged archive can deceive
    # `zipfile`. But files that are not compressed are together not larger than the archive.
    unpacked_bytes = sum(reader.get_record_size(record) for record in records)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        is_compressed = any(
            entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()
        )
    if is_compressed or unpacked_bytes > len(data):
        raise ModelRefusedError(f"{name} is a compressed archive; PyTorch writes none.")


def _check_weights(weights: object, file_bytes: int, name: str) -> None:
    """Raise ModelRefusedError unless `weights` is a dictionary of tensors of plausible size."""
    if not isinstance(weights, dict) or not weights:
        raise ModelRefusedError(f"{name} holds no weights.")
    total = 0
    for key, value in cast("dict[object, object]", weights).items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise ModelRefusedError(
                f"{name} holds no weights of a network: {str(key)[:60]!r} is no tensor."
            )
        total += value.numel() * value.element_size()
    if total > MAX_EXPANSION * file_bytes:
        raise ModelRefusedError(
            f"{name} describes {total:,} bytes of weights in a file of {file_bytes:,} bytes."
        )


def _reason(error: Exception) -> str:
    """Return the first line of an error, at most 200 characters: a file may make it long."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(". ")
