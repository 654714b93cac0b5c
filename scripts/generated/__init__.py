"""The generated parts of the documents, one subject a file; `update_readme.py` puts them in."""
