"""Installed models and helper networks: SHA-256 of each file, compared with the model card.

Helper networks are networks of other projects that some commands need: YuNet finds faces,
SqueezeNet compares images. This package does not contain them; `srgan-gp fetch` installs them.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srgan_gp.errors import ModelRefusedError
from srgan_gp.models.catalog import find_model, model_names
from srgan_gp.models.helper_networks import FACE_DETECTOR, SQUEEZENET, HelperNetwork
from srgan_gp.system.files import hash_file
from srgan_gp.system.paths import is_file


def describe_models() -> list[dict[str, Any]]:
    """Describe each model in the models folders (`catalog.model_folders`).

    Returns:
        One dict for each model, with `name`, `version`, `sha256` (64 hexadecimal digits) and
        `problem`, a message. `problem` is None for an intact model; other values are None if they
        are unknown.
    """
    return [_describe_model(name) for name in model_names()]


def _describe_model(name: str) -> dict[str, Any]:
    """Describe one model, as an item of `describe_models`."""
    facts: dict[str, Any] = dict.fromkeys(("name", "version", "sha256", "problem"))
    facts["name"] = name
    try:
        model = find_model(name)
        facts["version"] = model.card.version if model.card else None
        facts["sha256"] = hash_file(model.path)
    except (ModelRefusedError, OSError) as error:
        return facts | {"problem": str(error)}
    if model.expected_sha256 not in (None, facts["sha256"]):  # None: the model has no card
        facts["problem"] = f"The model {name} does not have the SHA-256 of its card."
    return facts


def describe_helper_networks() -> list[dict[str, Any]]:
    """Describe the helper networks.

    Returns:
        One dict for each network, with `name`, `purpose`, `path` and `sha256`; `path` and `sha256`
        are None if the network is not installed.
    """
    # SqueezeNet may also be in PyTorch's folder of downloaded weights, where this package finds it.
    # `expanduser` of pathlib would raise if the user has no home folder, as in some containers.
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    torch_home = os.environ.get("TORCH_HOME") or Path(cache, "torch")
    downloaded = sorted(Path(torch_home, "hub", "checkpoints").glob("squeezenet1_1-*.pth"))
    return [
        _describe_helper(FACE_DETECTOR, []),
        _describe_helper(SQUEEZENET, downloaded),
    ]


def _describe_helper(network: HelperNetwork, other_paths: Sequence[Path]) -> dict[str, Any]:
    """Describe one network; if no models folder has it, that of the first file in `other_paths`."""
    path = network.installed() or next(filter(is_file, other_paths), None)
    return {
        "name": network.title,
        "purpose": network.purpose,
        "path": str(path) if path else None,
        "sha256": hash_file(path) if path else None,
    }
