"""The check of any TFLite file: which of its weight tensors are sparse, and in which pattern."""
