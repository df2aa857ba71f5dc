"""Our factorized layers expanded into Keras's own, so that a model opens anywhere."""
