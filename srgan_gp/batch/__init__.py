"""Many files to many files: what to read, what to call the results, and the run itself."""
