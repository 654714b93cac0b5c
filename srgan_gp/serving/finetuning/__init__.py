"""Fine-tuning started by a visitor, as a separate process.

The fine-tuning itself is in `srgan_gp.finetuning`; the tab of the page that starts it is in `apps`.
"""
