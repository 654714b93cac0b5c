"""Face generation from seeds to files: `srgan-gp generate`, and the same in the app.

The network runs in `inference.face_generator`; training of face generators is in `training.tasks`,
detection and alignment of faces in photos in `detection`.
"""
