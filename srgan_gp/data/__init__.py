"""Pictures -> batches of training pairs."""
