"""Bounds on loops in tf-keras and TensorFlow that run in Python while a layer is built.

Their length depends on the size of tensors, known only while the model is built. So the functions with the
loops are wrapped meanwhile. They are private: no other module of `runner.models` imports private modules.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any
from unittest.mock import patch

from tensorflow.python.ops import gen_array_ops
from tf_keras.src import backend
from tf_keras.src.utils import conv_utils

from runner.models.refused import ModelRefused, ModelTooLarge

# An LSTM of 1,000 steps takes about ten seconds to unroll.
_STEPS, _ALL_STEPS = 1000, 5000
_PARTS = 10_000


@contextmanager
def loops_limited(numbers: int) -> Iterator[None]:
    """Bounds unrolling, the splitting of tensors, and the weights that a locally connected layer lists.

    Args:
        numbers: That the model's file holds.

    Raises:
        ModelTooLarge: Inside, before a layer is unrolled, or a tensor split, that far.
        ModelRefused: Inside, when a layer has asked for more weights than the file holds.
    """
    recur, indices = backend.rnn, conv_utils.conv_kernel_idxs
    unrolled = 0

    def limited_rnn(step: Any, inputs: Any, *args: Any, **named: Any) -> Any:
        nonlocal unrolled
        if named.get("unroll"):
            steps = _steps(inputs, 0 if named.get("time_major") else 1)
            unrolled += steps
            if steps > _STEPS or unrolled > _ALL_STEPS:
                raise ModelTooLarge(
                    f"a recurrent layer with unroll=True has {steps:,} steps, and those of all are"
                    f" {unrolled:,} or more; at most {_STEPS:,} in one layer and {_ALL_STEPS:,} in all are"
                    " unrolled"
                )
        return recur(step, inputs, *args, **named)

    def limited_indices(*args: Any, **named: Any) -> Iterator[Any]:
        found = indices(*args, **named)
        yield from islice(found, numbers)
        if next(found, None) is not None:
            raise ModelRefused(
                f"a locally connected layer asks for more weights than the {numbers:,} numbers that are in"
                " the file"
            )

    watched: dict[tuple[Any, str], Callable[..., Any]] = {
        (backend, "rnn"): limited_rnn,
        (conv_utils, "conv_kernel_idxs"): limited_indices,
        (gen_array_ops, "unpack"): _few(gen_array_ops.unpack, "num"),
        (gen_array_ops, "split"): _few(gen_array_ops.split, "num_split"),
    }
    with ExitStack() as patched:
        for (module, name), limited in watched.items():
            patched.enter_context(patch.object(module, name, limited))
        yield


def _few(operator: Callable[..., Any], key: str) -> Callable[..., Any]:
    """Limits the number of tensors that an operator makes; TensorFlow crashes or hangs with too many."""

    def limited(*args: Any, **named: Any) -> Any:
        count = named.get(key)
        if isinstance(count, int) and count > _PARTS:
            raise ModelTooLarge(f"a tensor is split into {count:,} parts; at most {_PARTS:,} are made")
        return operator(*args, **named)

    return limited


def _steps(inputs: Any, axis: int) -> int:
    first = inputs[0] if isinstance(inputs, list | tuple) else inputs
    shape = first.shape.as_list()
    return (shape[axis] if len(shape) > axis else None) or 0
