"""Engines that run the jobs of a batch: threads, processes, and Ray in `ray`.

The steps of one image are in `batch.one_image`.
"""
