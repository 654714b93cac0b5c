#!/usr/bin/env python3
"""Print the requirements of the extra `app`, one a line, for a container without GPU packages.

Run it in the root of the repository.
"""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
print("\n".join(project["optional-dependencies"]["app"]))
