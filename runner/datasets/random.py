"""The `random` data set: normal noise of a given shape, to try shapes where learning does not matter."""

import math
from collections.abc import Sequence

import numpy as np

from runner.datasets.dataset import DATASETS, Arrays, UnfitArrays, check_whole_number
from runner.process.wording import shown

_MOST_VALUES = 2**27  # Half a gigabyte.


@DATASETS.register("random")
def random(
    *,
    input_shape: Sequence[int],
    target_shape: Sequence[int] | None = None,
    classes: int | None = None,
    samples: int = 512,
    seed: int = 0,
) -> Arrays:
    """Samples inputs and regression targets from a standard normal distribution, or uniform class numbers.

    Args:
        input_shape: Shape of one input, without the batch, e.g. `[4, 128, 2]`.
        target_shape: Shape of one target, without the batch, for a regression.
        classes: Number of classes, >= 2, for a classification.
        samples: Training samples, >= 1; the test set has a quarter as many, at least one.
        seed: Seed of the data. Not the run's seed: runs are compared on the same content.

    Raises:
        UnfitArrays: An argument is out of range, the arrays would be too large, or `target_shape` and
            `classes` are both given or both left out.
    """
    check_whole_number("samples", samples, least=1)
    check_whole_number("seed", seed, least=0)
    if (target_shape is None) == (classes is None):
        found = "neither is given" if classes is None else "both are given"
        raise UnfitArrays(
            "it takes recipe.data.classes for a classification, or recipe.data.target_shape for a regression;"
            f" {found}"
        )
    held_out = max(1, samples // 4)
    if classes is not None:
        check_whole_number("classes", classes, least=2)
    for name, shape in (("input_shape", input_shape), ("target_shape", target_shape)):
        if shape is not None:
            _check_shape(name, shape)
    values = (samples + held_out) * (math.prod(input_shape) + math.prod(target_shape or (1,)))
    if values > _MOST_VALUES:
        raise UnfitArrays(
            f"{samples:,} samples of shape {list(input_shape)} are {values:,} numbers with their targets and"
            f" the test set; {_MOST_VALUES:,} are the most. It is meant for trying shapes"
        )
    rng = np.random.default_rng(seed)

    def sample(count: int, shape: Sequence[int]) -> np.ndarray:
        return rng.standard_normal((count, *shape), dtype=np.float32)

    def sample_targets(count: int) -> np.ndarray:
        if target_shape is not None:
            return sample(count, target_shape)
        assert classes is not None, "one of the two is given"
        return rng.integers(classes, size=count)

    return Arrays(
        x_train=sample(samples, input_shape),
        y_train=sample_targets(samples),
        x_test=sample(held_out, input_shape),
        y_test=sample_targets(held_out),
        num_classes=classes,
    )


def _check_shape(name: str, shape: object) -> None:
    if not isinstance(shape, list | tuple) or not shape:
        raise UnfitArrays(f"recipe.data.{name} is {shown(shape)}; it must be a list such as [4, 128, 2]")
    if not all(isinstance(size, int) and size > 0 for size in shape):
        raise UnfitArrays(f"recipe.data.{name} is {list(shape)}; its sizes must be whole numbers above 0")
