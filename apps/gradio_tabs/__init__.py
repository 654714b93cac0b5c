"""The tabs of the page: widgets only, over `srgan_gp.serving`."""
