"""Completion of command lines in shells; the verbs are in `commands`."""
