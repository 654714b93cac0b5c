"""Critic architectures: one module each, with a class `Critic`; generators are in `generators`."""
