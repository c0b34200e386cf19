"""What a model says may be multiplied into a weight when it is converted."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

ONE = np.ones((), np.float64)


@dataclass(frozen=True, eq=False)
class Folds:
    """The factors that a converter may multiply into a weight, as far as its model tells them.

    Args:
        outputs: What follows the layer and only multiplies, such as batch norms: factors that broadcast
            against the weight in Keras layout, each with all between it and the layer multiplied in; 1 first.
        inputs: The same of what precedes the layer.
    """

    outputs: tuple[np.ndarray, ...] = (ONE,)
    inputs: tuple[np.ndarray, ...] = (ONE,)

    def scaled(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """Gives what the weight may be in a file, apart from the weight itself.

        Args:
            values: The trained values, in Keras layout.
        """
        for inner, outer in itertools.islice(itertools.product(self.inputs, self.outputs), 1, None):
            yield values * (inner * outer)

    def part(self, span: slice) -> "Folds":
        """Returns the factors of a part of the weight, cut along its last axis."""
        return Folds(
            *(
                tuple(
                    factor[..., span] if factor.ndim and factor.shape[-1] > 1 else factor for factor in side
                )
                for side in (self.outputs, self.inputs)
            )
        )
