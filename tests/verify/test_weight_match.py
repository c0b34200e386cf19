"""One weight against one constant: zeros, kept values, quantization steps and folded scales."""

from dataclasses import replace

import numpy as np
import pytest

from runner.tflite.constant import StoredConstant, Use
from runner.verify.views import views
from runner.verify.weight_match import WeightMatch, compare

RNG = np.random.default_rng(11)
SHAPE = (6, 5)  # a Dense kernel [in, out]
MASK = RNG.random(SHAPE) >= 0.4
MASK[:, 0] = [True, False, False, False, False, False]  # one weight alone in its output
TRAINED = (RNG.normal(size=SHAPE) * MASK).astype(np.float32)
PLANNED, KEPT = int((~MASK).sum()), int(MASK.sum())


def constant(
    values: np.ndarray, op: str = "FULLY_CONNECTED", dtype: str = "float32", scale: float | None = None
) -> StoredConstant:
    """A constant that holds `values`, given in Keras layout, as [out, in]."""
    stored = np.ascontiguousarray(values.T, np.float32)
    return StoredConstant(
        subgraph=0,
        index=1,
        name="c",
        uses=(Use(op, 1),),
        shape=stored.shape,
        dtype=dtype,
        stored=stored if scale is None else np.rint(stored / scale).astype(np.int8),
        values=stored,
        scale=np.zeros(0, np.float32) if scale is None else np.array([scale], np.float32),
        zero_point=np.zeros(0 if scale is None else 1, np.int64),
        axis=0,
    )


def match(found: StoredConstant) -> WeightMatch:
    (view,) = views(SHAPE, found.shape)
    return compare(found, view, TRAINED, MASK)


def with_one(values: np.ndarray, place: tuple[int, int], value: float) -> np.ndarray:
    copy = values.copy()
    copy[place] = value
    return copy


def kept_place(column: int) -> tuple[int, int]:
    return int(np.flatnonzero(MASK[:, column])[0]), column


def test_the_trained_values_match_unscaled() -> None:
    found = match(constant(TRAINED))
    assert found.proven
    assert (found.not_zero, found.changed, found.planned, found.kept) == (0, 0, PLANNED, KEPT)
    assert not found.folded
    assert found.difference() == "nothing"
    np.testing.assert_array_equal(found.values(), TRAINED)


def test_a_planned_zero_that_is_not_zero_is_counted() -> None:
    place = tuple(np.argwhere(~MASK)[3])
    found = match(constant(with_one(TRAINED, (int(place[0]), int(place[1])), 1e-20)))
    assert (found.not_zero, found.changed, found.proven) == (1, 0, False)
    assert found.difference() == f"1 of {PLANNED} planned zeros are not zero"


@pytest.mark.parametrize("factor", [0.0, 1.0001, -1.0, float("nan")])
@pytest.mark.parametrize("column", range(5))
def test_a_kept_weight_that_changed_is_counted(factor: float, column: int) -> None:
    place = kept_place(column)
    found = match(constant(with_one(TRAINED, place, factor * TRAINED[place])))
    assert (found.not_zero, found.changed, found.proven) == (0, 1, False)
    assert found.difference() == f"1 of {KEPT} kept weights do not reappear"


def test_all_zero_matches_nothing() -> None:
    assert match(constant(np.zeros(SHAPE))).changed == KEPT


@pytest.mark.parametrize("axis", [0, 1])
def test_a_folded_batch_norm_is_accepted_on_either_side_of_a_dense_layer(axis: int) -> None:
    scale = RNG.uniform(-2, 2, SHAPE[axis]).reshape([-1 if a == axis else 1 for a in range(2)])
    found = match(constant(TRAINED * scale))
    assert found.proven
    assert found.folded


def test_batch_norms_on_both_sides_are_accepted() -> None:
    scale = RNG.uniform(0.5, 2, (6, 1)) * RNG.uniform(-2, -0.5, (1, 5))
    assert match(constant(TRAINED * scale)).proven


def test_a_constant_factor_is_accepted_and_excuses_no_lone_weight() -> None:
    assert match(constant(TRAINED / 255)).proven
    assert match(constant(with_one(TRAINED / 255, (0, 0), TRAINED[0, 0] / 250))).changed == 1


@pytest.mark.parametrize("column", range(1, 5))
def test_a_scale_does_not_excuse_a_changed_weight(column: int) -> None:
    folded = TRAINED * RNG.uniform(0.5, 2, (1, 5))
    place = kept_place(column)
    for value in (0.0, 1.001 * folded[place]):
        found = match(constant(with_one(folded, place, value)))
        assert found.changed >= 1
        assert not found.proven


def test_a_lone_weight_scaled_to_zero_has_changed() -> None:
    folded = TRAINED * RNG.uniform(0.5, 2, (1, 5))
    assert match(constant(with_one(folded, (0, 0), 0.0))).changed == 1


def test_lone_weights_take_no_scale_from_a_single_row() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[0] = True  # a lone weight in every output
    mask[3, 2] = True  # and one more in the third
    trained = (RNG.uniform(1, 2, SHAPE) * mask).astype(np.float32)
    found = constant(trained * RNG.uniform(0.5, 2, (1, 5)), "CONV_2D")
    (view,) = views(SHAPE, found.shape)
    assert compare(found, view, trained, mask).proven


def test_only_kernels_are_scaled() -> None:
    scaled = TRAINED * 0.5
    assert match(constant(scaled, "BATCH_MATMUL")).changed == KEPT
    assert match(constant(scaled, "GATHER")).changed == KEPT
    per_input = TRAINED * RNG.uniform(0.5, 2, (6, 1))
    assert match(constant(per_input, "FULLY_CONNECTED")).proven
    assert not match(constant(per_input, "CONV_2D")).proven


def test_a_depthwise_kernel_is_scaled_along_its_last_axis() -> None:
    shape, stored = (3, 3, 4, 2), (1, 3, 3, 8)
    mask = RNG.random(shape) >= 0.5
    trained = (RNG.normal(size=shape) * mask).astype(np.float32)
    scaled = (trained * RNG.uniform(0.5, 2, (4, 2))).astype(np.float32).reshape(stored)
    nothing = np.zeros(0)
    uses = (Use("DEPTHWISE_CONV_2D", 1),)
    kernel = StoredConstant(stored, "float32", scaled, scaled, nothing, nothing, 0, name="k", uses=uses)
    view = views(shape, stored)[0]
    assert compare(kernel, view, trained, mask).proven
    scaled = scaled.copy()
    scaled[0, 1, 1, 3] += 0.5
    assert not compare(replace(kernel, stored=scaled, values=scaled), view, trained, mask).proven


def test_a_planned_zero_of_a_quantized_weight_lies_at_its_zero_point() -> None:
    step = 0.01
    rounded = np.rint(TRAINED / step) * step
    good = constant(rounded, dtype="int8", scale=step)
    # Every integer moved by one, and the zero point left behind.
    moved = replace(good, stored=good.stored + 1, values=good.values + np.float32(step))
    assert match(good).not_zero == 0
    assert match(moved).not_zero == PLANNED
    assert match(replace(moved, zero_point=np.array([1]), values=good.values)).proven


def test_quantized_values_may_lie_a_step_off_and_no_more() -> None:
    step = 0.01
    rounded = np.rint(TRAINED / step) * step
    found = match(constant(rounded, dtype="int8", scale=step))
    assert found.proven
    place = kept_place(2)
    off = with_one(rounded, place, rounded[place] + 4 * step)
    assert match(constant(off, dtype="int8", scale=step)).changed == 1


def test_quantized_values_of_a_folded_kernel_are_accepted() -> None:
    step = 0.01
    folded = np.rint(TRAINED * RNG.uniform(0.5, 2, (1, 5)) / step) * step
    assert match(constant(folded, dtype="int8", scale=step)).proven


def test_half_floats_may_lie_one_spacing_off() -> None:
    halves = TRAINED.astype(np.float16)
    assert match(constant(halves.astype(np.float32), dtype="float16")).proven
    assert match(constant(halves.astype(np.float32), dtype="float32")).changed > 0
    place = kept_place(3)
    assert match(constant(with_one(halves, place, halves[place] * 1.01), dtype="float16")).changed == 1
