"""What a recipe says about training, in one line for the reader of a run."""

import itertools

from runner.recipe.recipe import LearningRate, Training
from runner.training.learning_rates import build_learning_rate


def described(training: Training, total_steps: int, steps_per_epoch: int) -> str:
    """Describes a training whose optimizer could be built.

    Args:
        training: The recipe's.
        total_steps: Batches in all of it, >= 1.
        steps_per_epoch: Batches in one epoch, >= 1.

    Returns:
        The optimizer and its arguments; the learning rate in the first step, at the end of its warm-up and of
        each quarter after it, repeated ones left out; the augmentation. E.g. `adam, learning rate piecewise:
        0.1 in step 1, 0.01 in step 75, 0.001 in step 100; images flipped`.
    """
    optimizer = training.optimizer
    arguments = ", ".join(f"{name} {value}" for name, value in optimizer.arguments.items())
    rate = _rate(optimizer.learning_rate, total_steps, steps_per_epoch)
    parts = [f"{optimizer.name}{f' ({arguments})' if arguments else ''}, learning rate {rate}"]
    augmentation = training.augmentation
    if augmentation is not None and augmentation.changes:
        shifted = [f"shifted by up to {augmentation.shift} pixels"] if augmentation.shift else []
        parts.append(f"images {' and '.join(shifted + ['flipped'] * augmentation.flip)}")
    return "; ".join(parts)


def _rate(written: float | LearningRate, total_steps: int, steps_per_epoch: int) -> str:
    rate = build_learning_rate(written, total_steps, steps_per_epoch)
    if not isinstance(written, LearningRate) or isinstance(rate, float):
        return f"{written:g}"
    begin = written.warmup.resolve(steps_per_epoch, total_steps)
    quarters = {round(begin + (total_steps - begin) * quarter / 4) for quarter in range(5)}
    told = [(f"{float(rate(step - 1)):.3g}", step) for step in sorted({1, *quarters} - {0})]
    new = [told[0], *(later for before, later in itertools.pairwise(told) if later[0] != before[0])]
    return f"{written.name}: " + ", ".join(f"{value} in step {step}" for value, step in new)
