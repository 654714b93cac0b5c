"""Parts of `side_by_side.py`: crops of the demo images, sheets to look at, blind keys, the tally."""
