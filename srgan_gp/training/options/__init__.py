"""Every option of a run, the presets, and how options reach the command line.

The command itself is `commands.train`.
"""
