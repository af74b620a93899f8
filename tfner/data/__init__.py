"""Features, windows and packing in numpy; pipelines in tf.data."""
