"""Input files of a run: a walk over folders and patterns, and watched folders.

The names of their results are in `batch.naming`.
"""
