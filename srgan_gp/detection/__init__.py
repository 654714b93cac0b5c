"""Face detection in photos with YuNet, and alignment by the landmarks of a face.

`prepare`, the scores of faces and `upscale --faces` use it. Faces are generated in `faces`.
"""
