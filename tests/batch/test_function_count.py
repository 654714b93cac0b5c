"""The path of one image through the package stays short."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_FUNCTIONS = 201
"""60 % of the number before the chains were shortened."""


def test_one_upscale_executes_few_functions():
    script = ROOT / "scripts" / "count_functions.py"
    done = subprocess.run(
        [sys.executable, script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = re.match(r"(\d+) functions of the package", done.stdout)
    assert int(found[1]) <= MOST_FUNCTIONS
