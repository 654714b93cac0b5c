"""Float16: conversion of a model, buffers on its device, and the fallback to float32.

Int8 networks are made by `srgan_gp.exporting`; they run as any other model.
"""
