import numpy as np
import pytest

from runner.pruning.masks import block_mask, is_m_by_n, m_by_n_mask
from runner.pruning.notation import Axis
from runner.tflite.patterns import BlockPattern, MByNPattern, PatternResult

Z, W = True, False  # Zero, weight


def rows(*runs: list[bool]) -> np.ndarray:
    """Zeros of outputs without a window, `[outputs, 1, inputs]`."""
    return np.array(runs)[:, None, :]


def found(
    pattern: MByNPattern | BlockPattern, zeros: np.ndarray, axis: Axis = "input_channels", near: int = 0
) -> PatternResult:
    return pattern.find(zeros, axis=axis, near_zero=near)


def test_every_group_has_its_zeros() -> None:
    assert found(MByNPattern(2, 4), rows([Z, W, Z, W, W, W, Z, Z])) == PatternResult("holds", 2, 0)
    assert found(MByNPattern(2, 4), rows([Z, Z, Z, W, W, W, Z, Z])) == PatternResult("holds", 2, 0)


def test_broken_groups_are_counted() -> None:
    zeros = rows([Z, W, Z, W, W, W, W, Z], [W, W, W, W, Z, Z, Z, Z])
    assert found(MByNPattern(2, 4), zeros) == PatternResult("broken", 4, 2)
    assert found(MByNPattern(1, 2), zeros) == PatternResult("broken", 8, 3)
    assert found(MByNPattern(2, 4), np.zeros((3, 5, 8), bool)) == PatternResult("broken", 30, 30)


def test_two_channels_cannot_break_2_of_4() -> None:
    zeros = np.zeros((8, 9, 2), bool)
    assert found(MByNPattern(2, 4), zeros) == PatternResult("vacuous", 0, 0)
    # Over the row of 18 weights they can, in four groups and a tail.
    assert found(MByNPattern(2, 4), zeros, "flattened") == PatternResult("broken", 40, 40)


def test_a_short_group_that_can_break_is_no_vacuous_one() -> None:
    assert found(MByNPattern(2, 4), rows([W, W, W])) == PatternResult("broken", 1, 1)
    assert found(MByNPattern(2, 4), rows([W, Z, W])) == PatternResult("holds", 1, 0)
    assert found(MByNPattern(1, 4), rows([W, W, W])) == PatternResult("vacuous", 0, 0)


def test_a_tail_differs_by_axis_as_the_masks_do() -> None:
    tail = rows([Z, Z, W, W, Z, W])
    assert found(MByNPattern(2, 4), tail) == PatternResult("holds", 1, 0)
    assert found(MByNPattern(2, 4), tail, "flattened") == PatternResult("holds", 2, 0)
    assert found(MByNPattern(2, 4), rows([Z, Z, W, W, W, W]), "flattened") == PatternResult("broken", 2, 1)


@pytest.mark.parametrize("pattern", [(1, 2), (2, 4), (1, 4), (4, 8), (3, 16)])
@pytest.mark.parametrize("axis", ["input_channels", "flattened"])
@pytest.mark.parametrize("inputs", [1, 2, 3, 6, 8, 17])
def test_it_agrees_with_the_engine(pattern: tuple[int, int], axis: Axis, inputs: int) -> None:
    rng = np.random.default_rng(inputs)
    kernel = rng.normal(size=(3, 2, inputs, 5))
    pruned = kernel * m_by_n_mask(kernel, *pattern, axis=axis).astype(float)
    spoiled = pruned.copy()
    spoiled[2, 1, :, 3] = 1.0
    for weights in (kernel, pruned, spoiled):
        zeros = (weights == 0).transpose(3, 0, 1, 2).reshape(5, 6, inputs)
        verdict = found(MByNPattern(*pattern), zeros, axis).verdict
        assert (verdict != "broken") == is_m_by_n(weights, *pattern, axis)
    # Vacuous is what the engine can zero nothing in.
    assert (verdict == "vacuous") == (np.count_nonzero(pruned) == kernel.size)


def test_blocks_are_zero_or_free() -> None:
    zeros = rows([Z] * 4 + [W] * 4 + [Z] * 2, [W] * 10)
    assert found(BlockPattern(4), zeros) == PatternResult("holds", 6, 0)
    assert found(BlockPattern(2), zeros) == PatternResult("holds", 10, 0)
    # BlockPattern are laid from the first weight, as the engine lays them.
    assert found(BlockPattern(4), rows([W] * 2 + [Z] * 4 + [W] * 2)) == PatternResult("broken", 2, 2)


def test_without_a_zero_block_nothing_is_shown() -> None:
    assert found(BlockPattern(4), np.zeros((4, 1, 16), bool)) == PatternResult("vacuous", 16, 0)
    assert found(BlockPattern(4), np.ones((4, 9, 1), bool)) == PatternResult("vacuous", 0, 0)
    assert found(BlockPattern(4), np.ones((4, 9, 1), bool), "flattened").verdict == "holds"


@pytest.mark.parametrize("sparsity", [0.05, 0.3, 0.5, 0.8, 0.9, 0.97])
def test_zeros_that_only_happen_to_fill_blocks_are_no_blocks(sparsity: float) -> None:
    zeros = np.random.default_rng(0).random((64, 1, 256)) < sparsity
    assert found(BlockPattern(4), zeros).verdict == "broken"


@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("bits", [8, 4])
def test_rounding_makes_zeros_in_free_blocks(sparsity: float, bits: int) -> None:
    kernel = np.random.default_rng(1).normal(size=(256, 64))
    steps = kernel / np.abs(kernel).max() * (2 ** (bits - 1) - 1)

    def verdict(mask: np.ndarray) -> str:
        stored = np.round(steps * mask).T[:, None, :]
        return found(BlockPattern(4), stored == 0, near=int((np.abs(stored) == 1).sum())).verdict

    assert verdict(block_mask(kernel, sparsity, (4, 1))) == "holds"
    scattered = np.random.default_rng(2).random(kernel.shape) >= max(sparsity, 0.5)
    assert verdict(scattered) == "broken"


def test_a_few_natural_zeros_are_no_fault_and_more_are() -> None:
    zeros = np.zeros((1, 1, 1000), bool)
    zeros[..., :200] = True
    zeros[..., 300:700:50] = True
    assert found(BlockPattern(4), zeros) == PatternResult("holds", 250, 8)
    zeros[..., 700] = True
    assert found(BlockPattern(4), zeros) == PatternResult("broken", 250, 9)


def test_a_block_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="2 inputs or more, not 1"):
        BlockPattern(1)
