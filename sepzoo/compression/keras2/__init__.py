"""What runs in a process of its own, where Keras 2 (`tf_keras`) and tensorflow-model-optimization may be imported.

The latter turns TensorFlow's Keras into Keras 2 for the whole process and its children, so nothing here is imported in
the user's process but by name.
"""
