"""One file a generator architecture, each with a class `Generator`."""
