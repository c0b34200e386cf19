"""The `random` data set: normal noise of a given shape, for cases that are about shapes and not learning."""

from collections.abc import Sequence

import numpy as np

from runner.datasets.dataset import DATASETS, Arrays, UnfitArrays, check_whole_number


@DATASETS.register("random")
def random(
    *, input_shape: Sequence[int], target_shape: Sequence[int], samples: int = 512, seed: int = 0
) -> Arrays:
    """Draws inputs and regression targets from the standard normal distribution.

    Args:
        input_shape: Shape of one input, without the batch, e.g. `[4, 128, 2]`.
        target_shape: Shape of one target, without the batch.
        samples: Training samples, >= 1; the test set has a quarter as many, at least one.
        seed: Of the numbers. Not the run's seed: runs are compared on the same content.

    Raises:
        UnfitArrays: An argument is no such shape or number.
    """
    check_whole_number("samples", samples, least=1)
    check_whole_number("seed", seed, least=0)
    for name, shape in (("input_shape", input_shape), ("target_shape", target_shape)):
        if not isinstance(shape, list | tuple) or not shape:
            raise UnfitArrays(f"recipe.data.{name} is {shape!r}; it must be a list such as [4, 128, 2]")
        if not all(isinstance(size, int) and size > 0 for size in shape):
            raise UnfitArrays(f"recipe.data.{name} is {list(shape)}; its sizes must be whole numbers above 0")
    rng = np.random.default_rng(seed)

    def draw(count: int, shape: Sequence[int]) -> np.ndarray:
        return rng.standard_normal((count, *shape), dtype=np.float32)

    held_out = max(1, samples // 4)
    return Arrays(
        x_train=draw(samples, input_shape),
        y_train=draw(samples, target_shape),
        x_test=draw(held_out, input_shape),
        y_test=draw(held_out, target_shape),
        num_classes=None,
    )
