"""One file a format: how a prepared network is converted into it."""
