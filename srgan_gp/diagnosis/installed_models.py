"""Installed models and helper networks: SHA-256 of each file, compared with the card."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from srgan_gp.errors import ModelRefusedError
from srgan_gp.models.catalog import find_model, model_names
from srgan_gp.models.helper_networks import FACE_DETECTOR, FEATURE_NETWORK, HelperNetwork
from srgan_gp.system.paths import is_file


def describe_models() -> list[dict[str, Any]]:
    """List each model in the models folders: name, version, SHA-256, and its problem or None."""
    return [_describe(name) for name in model_names()]


def _describe(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = dict.fromkeys(("name", "version", "sha256", "problem"))
    facts["name"] = name
    try:
        model = find_model(name)
        facts["version"] = model.card.version if model.card else None
        facts["sha256"] = _sha256(model.path)
    except (ModelRefusedError, OSError) as error:
        return facts | {"problem": str(error)}
    if model.expected_sha256 not in (None, facts["sha256"]):
        facts["problem"] = f"The model {name} does not have the SHA-256 of its card."
    return facts


def describe_helper_networks() -> list[dict[str, Any]]:
    """List the networks that only some commands need: name, purpose, path or None, SHA-256."""
    torch_home = os.environ.get("TORCH_HOME") or Path(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),  # noqa: PTH111
        "torch",
    )
    features = sorted(Path(torch_home, "hub", "checkpoints").glob("squeezenet1_1-*.pth"))
    return [
        _describe_helper(FACE_DETECTOR, ()),
        _describe_helper(FEATURE_NETWORK, features),
    ]


def _describe_helper(network: HelperNetwork, elsewhere: Iterable[Path]) -> dict[str, Any]:
    path = network.installed() or next((path for path in elsewhere if is_file(path)), None)
    return {
        "name": network.title,
        "purpose": network.purpose,
        "path": str(path) if path else None,
        "sha256": _sha256(path) if path else None,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
