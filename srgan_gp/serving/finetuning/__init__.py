"""Fine-tuning started by a visitor, as a separate process.

The fine-tuning itself is in `srgan_gp.finetuning`; its tab of the page in `apps`.
"""
