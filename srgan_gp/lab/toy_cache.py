"""Toy runs on disk: each is trained once and then read, found by its options."""

import dataclasses
import hashlib
import json
from pathlib import Path

from srgan_gp.lab.toy_training import ToyConfig, ToyRun, train_toy
from srgan_gp.system.files import atomic_write_bytes


def run_cached(config: ToyConfig, folder: Path) -> ToyRun:
    """Read the run of these options from a folder; train and save it if it is not there."""
    found = read_cached(config, folder)
    if found is None:
        found = train_toy(config)
        folder.mkdir(parents=True, exist_ok=True)
        saved = {"config": dataclasses.asdict(config), "run": dataclasses.asdict(found)}
        atomic_write_bytes(_path_of(config, folder), json.dumps(saved).encode())
    return found


def read_cached(config: ToyConfig, folder: Path) -> ToyRun | None:
    """Read the run of these options; None if it was not saved, or its file is damaged."""
    try:
        saved = json.loads(_path_of(config, folder).read_bytes())
        return ToyRun(**saved["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path_of(config: ToyConfig, folder: Path) -> Path:
    encoded = json.dumps(dataclasses.asdict(config), sort_keys=True).encode()
    return folder / f"toy-{hashlib.sha256(encoded).hexdigest()[:16]}.json"
