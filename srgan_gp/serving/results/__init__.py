"""Results of jobs: temporary files, names, zip files, views, and the history of visitors.

The jobs that create them are in `serving.jobs`.
"""
