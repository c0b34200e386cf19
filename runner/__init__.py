"""Run pruning experiments for tf-keras models and verify their sparsity in the TFLite file."""

__version__ = "0.1.0"
