"""Guarded fine-tuning: plan, run, scores before and after, verdict, installation.

The training loop is in `srgan_gp.training`, fine-tuning from the app in
`srgan_gp.serving.finetuning`.
"""
