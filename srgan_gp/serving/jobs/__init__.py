"""Job queue of the server: requests, queueing, execution, results and temporary files.

Images are decoded in `serving.decoding`; training runs are in `serving.finetuning`.
"""
