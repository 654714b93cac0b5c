"""Which files a run reads: a walk over folders and patterns, and a watched folder.

What their results are called is in `batch.naming`.
"""
