"""Results of `train_toy` on disk: each toy run is trained once and then read.

The name of a run's file is a hash of its options. The file holds `config` and `run`, the fields of
`ToyConfig` and `ToyRun`, as JSON.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

from srgan_gp.lab.toy_training import ToyConfig, ToyRun, train_toy
from srgan_gp.system.files import atomic_write_bytes


def run_cached(config: ToyConfig, folder: Path) -> ToyRun:
    """Read the run of these options from a folder; train and save it if it is not there.

    Raises:
        UsageError, KeyError: an option is unknown; see `train_toy`.
        OutputError: the file cannot be written.
    """
    run = read_cached(config, folder)
    if run is None:
        run = train_toy(config)
        folder.mkdir(parents=True, exist_ok=True)
        entries = {"config": dataclasses.asdict(config), "run": dataclasses.asdict(run)}
        atomic_write_bytes(_path_of(config, folder), json.dumps(entries).encode())
    return run


def read_cached(config: ToyConfig, folder: Path) -> ToyRun | None:
    """Read the run of these options.

    Returns:
        The run; None if it was not saved, its file is damaged, or a version of this package with
        other fields of `ToyRun` saved it.
    """
    try:
        entries = json.loads(_path_of(config, folder).read_bytes())
        return ToyRun(**entries["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path_of(config: ToyConfig, folder: Path) -> Path:
    """Return the path of a run's file; it depends on all options.

    16 hexadecimal digits of the hash are enough: two runs of a folder never share them by chance.
    """
    encoded = json.dumps(dataclasses.asdict(config), sort_keys=True).encode()
    return folder / f"toy-{hashlib.sha256(encoded).hexdigest()[:16]}.json"
