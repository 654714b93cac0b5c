"""Runs over many files: `run` starts one, `one_image` upscales one image.

`inputs` finds the files, `naming` plans the results, `engines` run the jobs, and `results` holds
the journal. Generated faces are in `srgan_gp.faces`.
"""
