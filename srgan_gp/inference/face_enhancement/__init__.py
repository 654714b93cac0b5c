"""Enhancement of small faces in a photo: `upscale --faces`.

A second model upscales each face, and the result is blended into that of the first. Faces are
detected in `detection`; invented faces are generated in `inference.face_generator`.
"""
