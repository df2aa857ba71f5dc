"""From a name to a model: build, assemble, tap."""
