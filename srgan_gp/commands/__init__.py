"""Verbs of the command line, one module each, with their options and their output.

`srgan_gp.cli` chooses the verb; `verb_parser` adds groups, examples and suggestions to its help,
`options.option_types` parses values, and `terminal` prints. The work itself is in the package of
each subject: `batch` for `upscale`, `faces` for `generate`, `training` for `train`, and so on.
"""
