"""Runs of a tab: their start and stop, their progress and their results."""
