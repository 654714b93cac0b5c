"""Parts of `side_by_side.py`: crops of the demo images, sheets, blind keys and the tally."""
