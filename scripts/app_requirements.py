#!/usr/bin/env python3
"""Print the requirements of the extra `app`, one per line.

The Dockerfile installs them and the package without its dependencies, so that a container gets no
GPU packages. Run it in the root of the repository.
"""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
print("\n".join(project["optional-dependencies"]["app"]))
