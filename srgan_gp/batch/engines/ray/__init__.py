"""Engine that distributes a run over the machines of a Ray cluster.

The engines of one machine are in `batch.engines`.
"""
