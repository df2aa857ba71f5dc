"""The one walk that builds a model again, what it may do to each layer, and the report of what it did."""
