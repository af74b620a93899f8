"""Named-entity recognition in TensorFlow 2 / Keras 3, from corpus to served model."""

__version__ = "0.1.0"
