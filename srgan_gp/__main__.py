"""Entry point of `python -m srgan_gp`, the same as the command `srgan-gp`."""

import sys

from srgan_gp.cli import main

sys.exit(main())
