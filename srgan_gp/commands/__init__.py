"""The verbs of the command line, one file each: `add_options(parser)` and `run(options)`."""
