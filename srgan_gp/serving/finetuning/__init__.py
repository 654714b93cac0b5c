"""Fine-tuning started by a visitor, as a process of its own.

The fine-tuning itself is in `srgan_gp.finetuning`.
"""
