"""Photos of people to an archive of aligned faces: `srgan-gp prepare`.

Training reads the archive by `data.aligned_faces`.
"""
