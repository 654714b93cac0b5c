"""One file a critic architecture, each with a class `Critic`."""
