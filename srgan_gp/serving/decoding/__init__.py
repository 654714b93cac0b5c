"""Processes of little memory and time that decode the images of clients.

The formats are in `srgan_gp.images`.
"""
