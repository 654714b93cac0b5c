"""The service that queues jobs, runs them and keeps their results for a while.

Images are decoded in `serving.decoding`.
"""
