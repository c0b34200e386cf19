"""Data sets by name: `mnist`, `cifar10`, `digits`, `npz`, `random`, and what plugins put into `DATASETS`."""

from runner.datasets import cifar10, digits, mnist, npz, random  # noqa: F401 - they register themselves
from runner.datasets.dataset import DATASETS, Arrays, Dataset, DataUnavailable, UnfitArrays
from runner.datasets.loading import load_dataset
from runner.datasets.resolved import ResolvedData, data_key, load_resolved, resolve

__all__ = [
    "DATASETS",
    "Arrays",
    "DataUnavailable",
    "Dataset",
    "ResolvedData",
    "UnfitArrays",
    "data_key",
    "load_dataset",
    "load_resolved",
    "resolve",
]
