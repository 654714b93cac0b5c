"""Images to batches of training pairs: sources, crops, degradations, augmentations.

`srgan-gp prepare` is in `data.face_preparation`.
"""
