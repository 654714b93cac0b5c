"""Face preparation (`srgan-gp prepare`): photos of people to a zip file of aligned faces.

Training reads the faces with `data.aligned_faces`.
"""
