"""`python -m srgan_gp` is the command `srgan-gp`."""

import sys

from srgan_gp.cli import main

sys.exit(main())
