"""What the commands import, for the process from which they are forked."""

# ruff: noqa: F401
import keras
import tensorflow

import sepzoo.cli
import sepzoo.export
import sepzoo.export.batch_export
import sepzoo.inference.opening
import sepzoo.surgery
import sepzoo.training.running
