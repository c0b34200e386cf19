"""Reading TFLite files from their bytes, without TensorFlow: weight tensors, encodings, damage, patterns."""
