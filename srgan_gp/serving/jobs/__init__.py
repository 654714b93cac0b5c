"""Job queue of the server: requests, queueing, execution and progress.

Results and their files are in `serving.results`. Images are decoded in `serving.decoding`; training
runs are in `serving.finetuning`.
"""
