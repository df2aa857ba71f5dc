"""A model in a file: read and written whole, with what travels with it; files of Keras 2 too."""
