"""Data sets: image sources, training crops, degradations, augmentations, validation sets.

`srgan-gp prepare` is in `data.face_preparation`; reading and writing of image files is in
`srgan_gp.images`.
"""
