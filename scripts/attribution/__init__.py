"""Parts of `update_attribution.py`: sources of the training photos, and the Markdown about them."""
