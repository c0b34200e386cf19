from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.datasets import Dataset
from runner.plan import SCHEDULES, Plan, make_plan, wrap_model
from runner.process.errors import RunFailed
from runner.pruning import PruningSchedule
from runner.recipe.recipe import (
    Augmentation,
    LearningRate,
    Optimizer,
    Rule,
    ScheduleSettings,
    StepSpec,
    Training,
)
from runner.training import History, Progress, build_optimizer, make_deterministic, train
from runner.training.fitting import _measuring_steps, measured_sparsity
from runner.training.learning_rates import build_learning_rate


class Watched:
    """A training and everything that it said."""

    def __init__(
        self,
        *rules: Rule,
        epochs: int = 2,
        validation_split: float = 0.25,
        optimizer: Any = "sgd",
        metrics: tuple[str, ...] = ("mean_absolute_error",),
        interrupt_at: int | None = None,
        data: Dataset | None = None,
        model: Callable[[], tf_keras.Model] | None = None,
        augmentation: Augmentation | None = None,
    ) -> None:
        make_deterministic(1)
        self.seen: list[Progress] = []
        self.recorded: list[tuple[int, dict[str, float]]] = []
        self.data = data or noise()
        dense = (model or two_layers)()
        self._split = self.data.split(validation_split)
        samples = len(self._split.x_train)
        self.plan: Plan = make_plan(rules, dense, samples=samples, batch_size=8, epochs=epochs)
        self.model = wrap_model(self.plan, dense)
        self.model.compile(optimizer, "mse", metrics=list(metrics))
        self._training = Training(epochs, 8, augmentation=augmentation)
        self._interrupt_at = interrupt_at

    def train(self) -> History:
        return train(
            self.model,
            self._split,
            self._training,
            self.plan,
            watch=self._watch,
            record=lambda step, metrics: self.recorded.append((step, metrics)),
        )

    def _watch(self, progress: Progress) -> None:
        self.seen.append(progress)
        if progress.step == self._interrupt_at:
            raise KeyboardInterrupt

    @property
    def names(self) -> list[tuple[int, list[str]]]:
        return [(step, sorted(metrics)) for step, metrics in self.recorded]

    def zeros(self) -> list[int]:
        weighing = [layer for layer in self.model.layers if layer.weights]
        return [int(np.count_nonzero(layer.get_weights()[0] == 0)) for layer in weighing]


def noise(samples: int = 32, scale: float = 1.0) -> Dataset:
    rng = np.random.default_rng(0)
    x, y = (
        rng.normal(size=(samples, 4)).astype(np.float32) * np.float32(scale),
        rng.normal(size=(samples, 2)).astype(np.float32),
    )
    return Dataset(
        x_train=x, y_train=y, x_test=x[:1], y_test=y[:1], num_classes=None, source="noise", requested="noise"
    )


def two_layers() -> tf_keras.Model:
    """Of 32, 8, 16 and 2 weights."""
    return tf_keras.Sequential(
        [layers.Input((4,)), layers.Dense(8, name="hidden"), layers.Dense(2, name="output")]
    )


def pictures() -> Dataset:
    """Of 4x4 pixels, black but for the upper left one, so that a flip is seen."""
    x = np.zeros((32, 4, 4, 1), np.float32)
    x[:, 0, 0] = np.linspace(0.5, 1, 32)[:, None]
    y = np.ones((32, 2), np.float32)
    return Dataset(
        x_train=x, y_train=y, x_test=x[:1], y_test=y[:1], num_classes=None, source="drawn", requested="drawn"
    )


def looking() -> tf_keras.Model:
    """Weighs each pixel."""
    hidden = layers.Dense(8, name="hidden", use_bias=False)
    return tf_keras.Sequential(
        [layers.Input((4, 4, 1)), layers.Flatten(), hidden, layers.Dense(2, name="output", use_bias=False)]
    )


def half(*layer: str, **window: Any) -> Rule:
    return Rule("half", layer or ("*",), schedule=ScheduleSettings("constant", 0.5, **window))


SPARSITY = ["sparsity/_model", "sparsity/_pruned_layers", "sparsity/hidden", "sparsity/output"]
RATE = "train/learning_rate"
LOSSES = ["train/loss", "train/mean_absolute_error", "val/loss", "val/mean_absolute_error"]


def test_sparsity_is_measured_at_mask_updates_and_metrics_at_each_epochs_end() -> None:
    # 24 of 32 samples in steps of 8: three in an epoch. Masks change in steps 2 and 5.
    run = Watched(half(begin_step=StepSpec(2), end_step=StepSpec(5), frequency=100))

    history = run.train()

    assert run.plan.total_steps == 6
    assert run.names == [
        (2, SPARSITY),
        (3, sorted([*SPARSITY, *LOSSES, RATE])),
        (5, SPARSITY),
        (6, sorted([*SPARSITY, *LOSSES, RATE])),
    ]
    assert run.recorded[0][1] == {
        "sparsity/hidden": 0.5,
        "sparsity/output": 0.5,
        "sparsity/_pruned_layers": 0.5,
        "sparsity/_model": 24 / 58,
    }
    assert run.zeros() == [16, 8]
    # The history holds the same points, one after another.
    assert sorted(history.points) == sorted(
        (step, name, value) for step, metrics in run.recorded for name, value in metrics.items()
    )
    assert [step for step, _, _ in history.points] == sorted(step for step, _, _ in history.points)


def test_the_last_point_is_of_the_masks_as_training_left_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rising(PruningSchedule):
        """Has no end: its last update before the end of training is in step 5 of 6."""

        begin_step, end_step, frequency = 1, -1, 4

        def __call__(self, step: Any) -> tuple[Any, Any]:
            fires = self._should_prune_in_step(step, self.begin_step, self.end_step, self.frequency)
            return fires, tf.cast(step, tf.float32) / 12.0

        def get_config(self) -> dict[str, Any]:
            return {}

    monkeypatch.setitem(SCHEDULES._entries, "rising", lambda **given: Rising())
    run = Watched(Rule("rising", ("*",), schedule=ScheduleSettings("rising", 0.5)))

    history = run.train()

    assert run.zeros() == [16, 8]
    last = [(step, value) for step, name, value in history.points if name == "sparsity/_pruned_layers"][-2:]
    assert [step for step, _ in last] == [5, 6]
    assert last[0][1] < last[1][1] == 0.5
    # What was logged at the epoch's end is logged once more: the latest value stands in MLflow.
    of_the_end = [metrics for step, metrics in run.recorded if step == 6]
    assert [metrics["sparsity/_pruned_layers"] for metrics in of_the_end] == [last[0][1], 0.5]
    assert sorted(of_the_end[1]) == SPARSITY


def test_every_step_and_every_epoch_is_shown() -> None:
    run = Watched(half("hidden", begin_step=StepSpec(4)))

    run.train()

    assert [(seen.epoch, seen.step, seen.epoch_ended) for seen in run.seen] == [
        (1, 1, False),
        (1, 2, False),
        (1, 3, False),
        (1, 3, True),
        (2, 4, False),
        (2, 5, False),
        (2, 6, False),
        (2, 6, True),
    ]
    assert [seen.sparsity.get("hidden") for seen in run.seen] == [None, None, None, 0.0, 0.5, 0.5, 0.5, 0.5]
    assert sorted(run.seen[0].metrics) == ["train/loss", "train/mean_absolute_error"]
    assert sorted(run.seen[3].metrics) == LOSSES


def test_the_tail_is_held_out_and_the_epochs_metrics_are_keras_own() -> None:
    run = Watched(half(), optimizer=tf_keras.optimizers.SGD(0.0), epochs=1)

    run.train()

    [(_, metrics)] = run.recorded[-1:]
    outputs = run.model(run.data.x_train[24:]).numpy()
    assert metrics["val/loss"] == pytest.approx(
        float(np.mean((outputs - run.data.y_train[24:]) ** 2)), rel=1e-5
    )
    assert metrics["val/mean_absolute_error"] == pytest.approx(
        float(np.mean(np.abs(outputs - run.data.y_train[24:]))), rel=1e-5
    )


def test_without_a_validation_set_there_are_no_such_metrics() -> None:
    run = Watched(half(), validation_split=0.0, epochs=1)

    run.train()

    assert run.plan.total_steps == 4
    assert sorted(run.recorded[-1][1]) == sorted([*SPARSITY, *LOSSES[:2], RATE])


def test_a_dense_training_records_its_metrics_only() -> None:
    run = Watched(Rule("none", ("*",), prune=False), epochs=1)

    run.train()

    assert run.names == [(3, [RATE, *LOSSES])]


@pytest.mark.parametrize("module", [tf_keras.optimizers, tf_keras.optimizers.legacy])
def test_the_learning_rate_of_the_last_step_is_recorded_at_each_epochs_end(module: Any) -> None:
    rate = build_learning_rate(LearningRate("cosine", 0.1), total_steps=9, steps_per_epoch=3)
    run = Watched(half(), optimizer=module.SGD(rate), epochs=3)

    run.train()

    recorded = {step: metrics[RATE] for step, metrics in run.recorded if RATE in metrics}
    # A cosine of nine steps, after two, five and eight of them.
    assert recorded == pytest.approx({3: 0.088_302, 6: 0.041_318, 9: 0.003_015}, abs=1e-6)


def test_a_moving_average_of_the_weights_ends_with_the_planned_zeros() -> None:
    raw, averaged = (
        Watched(half(), optimizer=build_optimizer(Optimizer("sgd", 0.1, keys), 6, 3))
        for keys in ({}, {"ema_momentum": 0.9})
    )
    for run in (raw, averaged):
        run.train()

    assert averaged.zeros() == raw.zeros() == [16, 8]
    assert not np.allclose(averaged.model.get_weights()[0], raw.model.get_weights()[0])


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, second = Watched(half(), optimizer="adam"), Watched(half(), optimizer="adam")

    assert first.train().points == second.train().points
    for one, other in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_images_are_augmented_in_training_only_and_outside_the_model() -> None:
    def run(augmentation: Augmentation | None) -> tuple[Watched, np.ndarray]:
        training = Watched(half("output"), data=pictures(), model=looking, augmentation=augmentation)
        before = training.model.layers[1].get_weights()[0]
        training.train()
        # By pixel: a pixel that was never lit has no gradient.
        moved = np.abs(training.model.layers[1].get_weights()[0] - before).sum(axis=1) > 0
        return training, moved.reshape(4, 4)

    plain, seen = run(None)
    augmented, seen_augmented = run(Augmentation(shift=1, flip=True))
    _, again = run(Augmentation(shift=1, flip=True))

    np.testing.assert_array_equal(seen, [[1, 0, 0, 0], [0] * 4, [0] * 4, [0] * 4])
    np.testing.assert_array_equal(seen_augmented, [[1, 1, 1, 1], [1, 1, 1, 1], [0] * 4, [0] * 4])
    np.testing.assert_array_equal(seen_augmented, again)
    # Steps, measurements and zeros are the same; so are the layers, and the validation set is as it was.
    assert augmented.names == plain.names
    assert augmented.zeros() == plain.zeros() == [0, 8]
    assert [layer.name for layer in augmented.model.layers] == [layer.name for layer in plain.model.layers]
    *_, last = augmented.recorded
    outputs = augmented.model(augmented.data.x_train[24:]).numpy()
    assert last[1]["val/loss"] == pytest.approx(float(np.mean((outputs - 1) ** 2)), rel=1e-5)


def test_augmented_training_is_the_same_to_the_bit_for_the_same_seed() -> None:
    first, second = (
        Watched(half(), data=pictures(), model=looking, optimizer="adam", augmentation=Augmentation(2, True))
        for _ in range(2)
    )
    for run in (first, second):
        make_deterministic(1)
        run.train()

    assert first.recorded == second.recorded
    for one, other in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


class EverySecond(tf_keras.optimizers.SGD):
    """Applies gradients with every second batch only, as one that accumulates them does."""

    def build(self, var_list: Any) -> None:
        super().build(var_list)
        if not hasattr(self, "batch"):
            self.batch = tf.Variable(0, trainable=False)

    def apply_gradients(self, grads_and_vars: Any, *args: Any, **keywords: Any) -> Any:
        pairs, parent = list(grads_and_vars), super().apply_gradients
        with tf.init_scope():
            self.build([variable for _, variable in pairs])
        even = tf.equal(self.batch.assign_add(1) % 2, 0)
        tf.cond(even, lambda: parent(pairs) > 0, lambda: False)
        return self.iterations


def test_an_optimizer_that_accumulates_is_told_before_it_misses_the_plan() -> None:
    run = Watched(half(), optimizer=EverySecond(0.01))

    with pytest.raises(RunFailed) as caught:
        run.train()

    told = "the optimizer applied gradients 1 times in 3 training steps (epoch 1). Schedules are planned in"
    assert str(caught.value).startswith(told)
    Watched(optimizer=EverySecond(0.01)).train()  # Where nothing is pruned nothing is missed.


def test_steps_that_a_loss_scale_skips_do_not_miss_the_plan() -> None:
    scaled = tf_keras.mixed_precision.LossScaleOptimizer(
        tf_keras.optimizers.SGD(0.01), initial_scale=2.0**127
    )
    run = Watched(half(), optimizer=scaled, data=noise(scale=30))

    run.train()

    assert float(scaled.loss_scale) < 2.0**127
    assert run.zeros() == [16, 8]


def test_a_loss_that_is_nan_stops_training_at_once_with_the_step() -> None:
    run = Watched(half(), optimizer=tf_keras.optimizers.SGD(1e30), epochs=5)

    with pytest.raises(RunFailed) as caught:
        run.train()

    told = str(caught.value)
    # The engine looks at the weights when it updates a mask, which is before the loss is looked at.
    assert "kernel holds NaN or infinite weights at training step 2 " in told
    assert told.endswith(
        " (epoch 1 of 5). The usual remedy is a smaller recipe.training.optimizer.learning_rate."
    )
    assert [seen.step for seen in run.seen] == [1]
    # What was measured before is kept.
    assert run.names == [(1, SPARSITY)]


def test_a_validation_loss_that_is_not_finite_stops_training() -> None:
    data = noise()
    data.x_train[24:] = 3e38
    run = Watched(half(), data=data, epochs=5)

    with pytest.raises(
        RunFailed, match=r"^the validation loss became (inf|nan) at training step 3 \(epoch 1 of 5\)"
    ):
        run.train()

    assert [step for step, _ in run.recorded] == [1, 2, 3]


def test_weights_that_the_last_step_broke_are_found() -> None:
    # A single step: its loss is that of the weights before it.
    run = Watched(half(), data=noise(8, scale=1e6), epochs=1, validation_split=0.0)
    run.model.optimizer.learning_rate.assign(3e38)

    with pytest.raises(
        RunFailed,
        match=r"^(a value of \S+ became (-?inf|nan)|\S+: kernel holds NaN or infinite weights)"
        r" at training step 1 \(epoch 1 of 1\)",
    ):
        run.train()


def test_what_was_measured_before_an_interruption_is_recorded() -> None:
    run = Watched(half(begin_step=StepSpec(2), end_step=StepSpec(4), frequency=1), interrupt_at=5)

    with pytest.raises(KeyboardInterrupt):
        run.train()

    assert run.names == [(2, SPARSITY), (3, sorted([*SPARSITY, *LOSSES, RATE])), (4, SPARSITY)]


def test_sparsity_is_counted_over_layers_pruned_layers_and_the_model() -> None:
    def model() -> tf_keras.Model:
        return tf_keras.Sequential(
            [
                layers.Input((5, 4)),
                layers.GRU(2, name="gru"),  # kernels of 4x6 and 2x6, biases of 2x6
                layers.BatchNormalization(name="norm"),  # 8
                layers.Dense(5, name="dense"),  # 2x5 and 5
            ]
        )

    make_deterministic(1)
    rules = (
        Rule("gru", ("gru",), schedule=ScheduleSettings("constant", 0.5)),
        Rule("dense", ("dense",), schedule=ScheduleSettings("constant", 0.5)),
    )
    dense = model()
    wrapped = wrap_model(make_plan(rules, dense, samples=8, batch_size=8, epochs=1), dense)
    weights = wrapped.get_weights()
    kernel, recurrent = weights[0], weights[1]
    kernel[:3], recurrent[:1, :2] = 0, 0
    wrapped.set_weights([kernel, recurrent, *weights[2:]])

    shares = measured_sparsity(wrapped)

    assert shares == {
        "gru": (18 + 2) / 36,
        "dense": 0.0,
        "_pruned_layers": 20 / 46,
        "_model": 20 / (24 + 12 + 12 + 8 + 10 + 5),
    }


def test_at_most_two_hundred_points_are_measured_the_last_among_them() -> None:
    assert _measuring_steps([[1, 4], [4, 6]], 9) == {1, 4, 6, 9}
    many = _measuring_steps([list(range(1, 1001))], 1000)
    assert len(many) == 201
    assert {1, 6, 996, 1000} <= many
    assert _measuring_steps([], 7) == {7}
