"""Engines that process the jobs of a run: threads, processes, and Ray in `ray`.

The work on one image is in `batch.one_image`.
"""
