"""Layouts: how stored weights read as kernels `[*spatial, in, out]`, and how masks come back."""

import math

import numpy as np
import pytest
import tensorflow as tf

from runner.pruning.layouts import KERNEL, KernelLayout, depthwise_layout, einsum_layout, transposed_layout
from runner.pruning.masks import m_by_n_mask

EMBEDDING, QUERY, OUTPUT = (
    KernelLayout((), (1,), (0,)),
    KernelLayout((), (0,), (1, 2)),
    KernelLayout((), (0, 1), (2,)),
)

CASES: dict[str, tuple[KernelLayout, tuple[int, ...], tuple[int, ...]]] = {
    "as stored": (KERNEL, (3, 3, 4, 5), (3, 3, 4, 5)),
    "as stored, a bias": (KERNEL, (7,), (7,)),
    "Conv1DTranspose": (transposed_layout(3), (3, 6, 4), (3, 4, 6)),
    "Conv2DTranspose": (transposed_layout(4), (3, 2, 6, 4), (3, 2, 4, 6)),
    "Conv3DTranspose": (transposed_layout(5), (2, 3, 4, 6, 5), (2, 3, 4, 5, 6)),
    "DepthwiseConv1D": (depthwise_layout(3), (3, 4, 2), (3, 1, 8)),
    "DepthwiseConv2D": (depthwise_layout(4), (3, 2, 4, 2), (3, 2, 1, 8)),
    "Embedding": (EMBEDDING, (10, 4), (4, 10)),
    "a query of attention": (QUERY, (4, 2, 3), (4, 6)),
    "an output of attention": (OUTPUT, (2, 3, 4), (6, 4)),
    "inputs at the end": (KernelLayout((), (2, 1), (0,)), (2, 3, 4), (12, 2)),
    "all axes apart": (KernelLayout((3, 1), (0,), (2,)), (2, 3, 4, 5), (5, 3, 2, 4)),
}


@pytest.mark.parametrize(("layout", "stored", "kernel"), CASES.values(), ids=list(CASES))
def test_shapes_and_the_way_back(
    layout: KernelLayout, stored: tuple[int, ...], kernel: tuple[int, ...]
) -> None:
    assert layout.shape(stored) == kernel
    weights = np.arange(math.prod(stored)).reshape(stored)
    as_kernel = layout.kernel(weights)
    assert as_kernel.shape == kernel
    np.testing.assert_array_equal(layout.stored(as_kernel, stored), weights)
    in_graph = layout.kernel(tf.constant(weights))
    np.testing.assert_array_equal(in_graph, as_kernel)
    np.testing.assert_array_equal(layout.stored(in_graph, stored), weights)


def test_each_weight_stands_where_its_input_and_output_say() -> None:
    transposed = np.arange(2 * 3 * 4).reshape(2, 3, 4)  # [width, out, in]
    assert transposed_layout(3).kernel(transposed)[1, 3, 2] == transposed[1, 2, 3]
    depthwise = np.arange(3 * 4 * 2).reshape(3, 4, 2)  # [width, in, multiplier]
    assert depthwise_layout(3).kernel(depthwise)[2, 0, 3 * 2 + 1] == depthwise[2, 3, 1]
    words = np.arange(10 * 4).reshape(10, 4)  # [words, dimensions]
    assert EMBEDDING.kernel(words)[3, 7] == words[7, 3]
    query = np.arange(4 * 2 * 3).reshape(4, 2, 3)  # [in, heads, size]
    assert QUERY.kernel(query)[3, 1 * 3 + 2] == query[3, 1, 2]
    output = np.arange(2 * 3 * 4).reshape(2, 3, 4)  # [heads, size, out]
    assert OUTPUT.kernel(output)[1 * 3 + 2, 3] == output[1, 2, 3]


def test_a_mask_of_the_kernel_falls_on_the_right_weights() -> None:
    stored = np.array([[[1, 2, 9, 8]], [[7, 6, 3, 4]]], np.float32)  # Conv1DTranspose [2, out=1, in=4]
    layout = transposed_layout(3)
    mask = layout.stored(m_by_n_mask(layout.kernel(stored), 2, 4), stored.shape)
    np.testing.assert_array_equal(mask, [[[0, 0, 1, 1]], [[1, 1, 0, 0]]])


@pytest.mark.parametrize(
    ("equation", "inputs", "outputs"),
    [
        ("abc,cd->abd", (0,), (1,)),
        ("...x,xy->...y", (0,), (1,)),
        ("abcd,cde->abe", (0, 1), (2,)),
        ("ab,ca->cb", (1,), (0,)),
        (" ab , bcd -> acd ", (0,), (1, 2)),
        # A kernel of its own for each position b: the position is an output's, not summed over.
        ("abc,bcd->abd", (1,), (0, 2)),
    ],
)
def test_einsum_equations(equation: str, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
    layout = einsum_layout(equation)
    assert layout.spatial == ()
    assert layout.inputs == inputs
    assert layout.outputs == outputs
