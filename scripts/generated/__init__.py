"""Generated parts of the documents, one subject per module; `update_readme.py` inserts them.

A module yields the lines of Markdown of its parts: mostly tables, without the markers around them.
"""
