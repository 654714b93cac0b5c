"""`python -m srgan_gp` runs the command `srgan-gp`."""

import sys

from srgan_gp.cli import main

sys.exit(main())
