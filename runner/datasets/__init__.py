"""Data sets by name; a plugin adds its own to `DATASETS`."""

from runner.datasets import cifar10, digits, fashion_mnist, mnist, npz, random  # noqa: F401 - they register themselves
from runner.datasets.dataset import DATASETS, Arrays, Dataset, DataUnavailable, Split, UnfitArrays
from runner.datasets.loading import ResolvedData, data_key, load_dataset, load_resolved, resolve

__all__ = [
    "DATASETS",
    "Arrays",
    "DataUnavailable",
    "Dataset",
    "ResolvedData",
    "Split",
    "UnfitArrays",
    "data_key",
    "load_dataset",
    "load_resolved",
    "resolve",
]
