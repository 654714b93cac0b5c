"""`read_written_card`: the content of a card that may be incomplete.

`export`, `finetune` and `import` read an existing card before they replace it. `export` also reads
the card that a fine-tuning has written into the folder of its run. `models.cards` reads the card of
a finished model, and checks it.
"""

import tomllib
from pathlib import Path
from typing import Any

from srgan_gp.errors import OutputError, UsageError


def read_written_card(path: Path) -> dict[str, Any]:
    """Read the content of an existing card, which may be incomplete.

    Returns:
        The tables and values of the TOML file; empty if there is no file.

    Raises:
        UsageError: the card cannot be read.
        OutputError: its folder is a file.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        raise OutputError(f"Cannot write into {path.parent}: it is not a folder.") from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The card {path} cannot be read: {error}. Fix it, or move it away for a new one."
        ) from error
