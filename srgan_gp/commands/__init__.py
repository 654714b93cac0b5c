"""The verbs of the command line, one file each: `add_options(parser)` and `run(options)`.

`terminal` and `option_types` support them; `srgan_gp.cli` chooses the verb.
"""
