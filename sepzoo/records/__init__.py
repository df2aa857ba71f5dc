"""The types that a family fills in, and what travels with a model. Nothing here imports Keras."""
