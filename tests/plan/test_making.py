from collections.abc import Sequence
from typing import Any

import pytest
import tf_keras
from tf_keras import layers

from runner.plan import SCHEDULES, Plan, PlannedWeight, make_plan
from runner.process.errors import UserError
from runner.pruning import ConstantSparsity, PruningSchedule
from runner.pruning.structures import MByN, Unstructured
from runner.recipe.recipe import Rule, ScheduleSettings, StepSpec


class NeverUpdates(ConstantSparsity):
    def __call__(self, step: Any) -> tuple[Any, Any]:
        return False, self.target_sparsity


def rule(
    key: str, *targets: str, sparsity: float | None = 0.5, name: str = "constant", **changes: Any
) -> Rule:
    schedule = {
        key: changes.pop(key)
        for key in ("begin_step", "end_step", "frequency", "arguments")
        if key in changes
    }
    return Rule(
        key, targets or (key,), **{"schedule": ScheduleSettings(name, sparsity, **schedule), **changes}
    )


def m_by_n(key: str, *targets: str, pattern: tuple[int, int] = (2, 4), **changes: Any) -> Rule:
    return Rule(key, targets or (key,), m_by_n=pattern, **changes)


@pytest.fixture(scope="module")
def model() -> tf_keras.Model:
    """Of conv_1's 2 input channels no group of four can be made."""
    return tf_keras.Sequential(
        [
            layers.Input((4, 8, 2)),
            layers.Conv2D(8, (1, 3), name="conv_1"),  # [1, 3, 2, 8], 48 weights
            layers.BatchNormalization(name="norm"),
            layers.Conv2D(6, (1, 1), name="conv_2"),  # [1, 1, 8, 6], 48 weights
            layers.Flatten(name="flatten"),
            layers.Dense(7, name="output"),  # [144, 7], 1008 weights
        ]
    )


def plan(model: tf_keras.Model, *rules: Rule, samples: int = 33, epochs: int = 3) -> Plan:
    """Five steps in an epoch, the last of one sample."""
    return make_plan(rules, model, samples=samples, batch_size=8, epochs=epochs)


def refused(model: tf_keras.Model, *rules: Rule) -> list[str]:
    with pytest.raises(UserError) as caught:
        plan(model, *rules)
    return str(caught.value).splitlines()


def by_layer(made: Plan) -> dict[str, PlannedWeight]:
    return {row.layer: row for row in made.rows}


def zeros(made: Plan) -> dict[str, int]:
    return {row.layer: row.planned_zeros for row in made.pruned}


def test_steps_are_batches_the_last_and_smaller_one_included(model: tf_keras.Model) -> None:
    made = plan(model, rule("output"))
    assert (made.steps_per_epoch, made.total_steps) == (5, 15)
    assert (plan(model, rule("output"), samples=32).steps_per_epoch) == 4


def test_a_row_per_weight_tensor_dense_ones_included(model: tf_keras.Model) -> None:
    made = plan(model, rule("all", "*"), m_by_n("second", "conv_2"), rule("output", sparsity=0.9))

    rows = [(row.layer, row.layer_type, row.weight, row.shape, row.rule, row.overridden) for row in made.rows]
    assert rows == [
        ("conv_1", "Conv2D", "kernel", (1, 3, 2, 8), "all", ()),
        ("norm", "BatchNormalization", "-", (8,), "all", ()),
        ("conv_2", "Conv2D", "kernel", (1, 1, 8, 6), "second", ("all",)),
        ("output", "Dense", "kernel", (144, 7), "output", ("all",)),
    ]
    assert [row.structure for row in made.rows] == [Unstructured(), None, MByN(2, 4), Unstructured()]
    assert made.rows[1].reason == "BatchNormalization has no weights that can be pruned"
    assert [row.reason for row in made.pruned] == [None, None, None]
    # 1008 weights keep round(100.8) = 101.
    assert zeros(made) == {"conv_1": 24, "conv_2": 24, "output": 907}
    assert made.warnings == ()


def test_layers_that_stay_dense_say_why(model: tf_keras.Model) -> None:
    made = plan(model, rule("all", "*", ignore=("conv_1",)), Rule("dense", ("output",), prune=False))

    assert {row.layer: (row.rule, row.reason) for row in made.rows} == {
        "conv_1": (None, "no rule matches"),
        "norm": ("all", "BatchNormalization has no weights that can be pruned"),
        "conv_2": ("all", None),
        "output": ("dense", "prune: false"),
    }
    dense = by_layer(made)["output"]
    assert (dense.pruned, dense.planned_zeros, dense.sparsity, dense.updates) == (False, 0, 0.0, [])
    assert (dense.window, dense.axis, dense.promised) == ((None, None), None, False)


@pytest.mark.parametrize(
    ("asked", "window", "updates", "sparsity"),
    [
        (rule("output"), (0, 15), list(range(1, 16)), 0.5),
        (rule("output", begin_step=StepSpec(2, "epochs")), (10, 15), [10, 11, 12, 13, 14, 15], 0.5),
        (rule("output", begin_step=StepSpec(0.2, "share"), frequency=5), (3, 15), [3, 8, 13, 15], 0.5),
        (rule("output", end_step=StepSpec(4), frequency=100), (0, 4), [1, 4], 0.5),
        (
            rule("output", name="polynomial", sparsity=0.875, end_step=StepSpec(8), frequency=3),
            (0, 8),
            [1, 3, 6, 8],
            0.875,
        ),
        (m_by_n("output"), (0, 0), [1], 0.5),
        (m_by_n("output", schedule=ScheduleSettings("constant", None)), (0, 15), list(range(1, 16)), 0.5),
        (
            m_by_n(
                "output",
                pattern=(1, 4),
                schedule=ScheduleSettings("polynomial", None, StepSpec(5), StepSpec(11)),
            ),
            (5, 11),
            [5, 6, 7, 8, 9, 10, 11],
            0.25,
        ),
    ],
)
def test_schedules_are_resolved_to_steps(
    model: tf_keras.Model, asked: Rule, window: tuple[int, int], updates: Sequence[int], sparsity: float
) -> None:
    row = by_layer(plan(model, asked))["output"]

    assert (row.window, row.updates, row.sparsity) == (window, updates, sparsity)


def test_a_dense_control_plans_no_zeros_and_is_no_error(model: tf_keras.Model) -> None:
    made = plan(model, rule("output", sparsity=0.0))

    assert zeros(made) == {"output": 0}
    assert len(made.pruned[0].updates) == 15


def test_auto_runs_two_channels_along_the_flattened_row_and_warns(model: tf_keras.Model) -> None:
    made = plan(model, m_by_n("convolutions", "conv_*"))

    # Each row of conv_1 has 6 weights: a group of four and a tail of two, which zeroes one.
    assert zeros(made) == {"conv_1": 8 * 3, "conv_2": 6 * 4}
    assert {row.layer: row.axis for row in made.pruned} == {"conv_1": "flattened", "conv_2": "input_channels"}
    assert all(row.promised for row in made.pruned)
    assert made.warnings == (
        "conv_1: 2 input channels are no multiple of 4, so 2:4 (2 of 4 zero) runs along the flattened row;"
        " hardware that pads channels will not see it there.",
    )


def test_what_is_true_of_many_layers_is_said_once() -> None:
    each = [layers.DepthwiseConv2D(3, padding="same", name=f"depthwise_{number}") for number in range(6)]
    many = tf_keras.Sequential([layers.Input((8, 8, 4)), *each])

    assert plan(many, m_by_n("all", "*")).warnings == (
        "depthwise_0, depthwise_1, depthwise_2, depthwise_3 and 2 more: 1 input channel is no multiple of 4,"
        " so 2:4 (2 of 4 zero) runs along the flattened row; hardware that pads channels will not see it"
        " there.",
    )


def test_flattened_by_wish_is_not_warned_of(model: tf_keras.Model) -> None:
    made = plan(model, m_by_n("conv_1", m_by_n_axis="flattened"))

    assert (zeros(made), made.warnings) == ({"conv_1": 24}, ())


def test_strict_m_by_n_on_two_channels_can_zero_nothing(model: tf_keras.Model) -> None:
    [problem] = refused(model, m_by_n("convolutions", "conv_*", m_by_n_axis="input_channels"))

    assert problem == (
        "recipe.layers.convolutions: conv_1, kernel [1, 3, 2, 8]: 2:4 (2 of 4 zero) along input_channels can"
        " zero nothing in shape (1, 3, 2, 8). Choose another structure or axis, or ignore the layer."
    )
    made = plan(model, m_by_n("strict", "conv_*", ignore=("conv_1",), m_by_n_axis="input_channels"))
    assert zeros(made) == {"conv_2": 24}


def test_below_m_by_n_the_pattern_is_not_promised(model: tf_keras.Model) -> None:
    made = plan(model, m_by_n("output", schedule=ScheduleSettings("constant", 0.25)))

    # Half of the 504 zeros that the full pattern has.
    assert zeros(made) == {"output": 252}
    assert not made.pruned[0].promised
    assert made.warnings == (
        "output: sparsity 0.25 is below 2/4, so the pattern 2:4 (2 of 4 zero) is not promised.",
    )


def test_a_gradual_pattern_without_a_sparsity_ends_at_m_by_n(model: tf_keras.Model) -> None:
    made = plan(model, m_by_n("output", pattern=(3, 4), schedule=ScheduleSettings("polynomial", None)))

    [row] = made.pruned
    assert (row.sparsity, row.planned_zeros, row.promised) == (0.75, 756, True)
    assert made.warnings == ()


def test_rules_that_do_not_reach_their_level_are_told_each_with_its_own(model: tf_keras.Model) -> None:
    slow = {"rate": 0.01}

    problems = refused(
        model,
        rule("conv_2", name="exponential", sparsity=0.9, arguments=slow),
        m_by_n("output", pattern=(3, 4), schedule=ScheduleSettings("exponential", None, arguments=slow)),
    )

    # 1 - 0.99 ** 15 after the 15 steps.
    assert [problem.partition(" A rate")[0] for problem in problems] == [
        "recipe.layers.conv_2.schedule.rate: training ends at sparsity 0.139942, not at the 0.9 asked for.",
        "recipe.layers.output.schedule.rate: training ends at sparsity 0.139942, not at the 0.75 asked for.",
    ]


def test_weights_are_picked_by_name() -> None:
    model = tf_keras.Sequential(
        [layers.Input((5, 3)), layers.LSTM(4, name="lstm"), layers.Dense(2, name="d")]
    )

    made = plan(model, rule("recurrent", "lstm", weights=("recurrent_kernel",)))

    assert [(row.layer, row.weight, row.shape, row.pruned) for row in made.rows] == [
        ("lstm", "kernel", (3, 16), False),
        ("lstm", "recurrent_kernel", (4, 16), True),
        ("d", "kernel", (4, 2), False),
    ]
    assert made.rows[0].reason == "not among weights: recurrent_kernel"
    assert zeros(made) == {"lstm": 32}


def test_an_unknown_weight_is_told_with_the_known_ones() -> None:
    model = tf_keras.Sequential([layers.Input((5, 3)), layers.LSTM(4, name="lstm")])

    [problem] = refused(model, rule("lstm", weights=("kernel", "recurrent")))

    assert problem == (
        "recipe.layers.lstm.weights: its layers have no prunable weight 'recurrent'; they have kernel,"
        " recurrent_kernel."
    )


def test_rules_that_pick_only_unknown_weights_are_told_once_each(model: tf_keras.Model) -> None:
    problems = refused(model, rule("conv_1", weights=("bias",)), rule("output", weights=("bias",)))

    assert problems == [
        f"recipe.layers.{key}.weights: its layers have no prunable weight 'bias'; they have kernel."
        for key in ("conv_1", "output")
    ]


def test_an_unknown_type_is_told_with_those_of_the_model(model: tf_keras.Model) -> None:
    [problem] = refused(model, rule("all", "*", types=("Dens",)))

    assert problem == (
        "recipe.layers.all.types: the model has no Dens. Did you mean 'Dense'? It has BatchNormalization,"
        " Conv2D, Dense, Flatten."
    )


def frozen_first() -> tf_keras.Model:
    return tf_keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(4, name="frozen", trainable=False),
            layers.Dense(4, name="trained"),
        ]
    )


def test_frozen_layers_stay_dense_and_say_so() -> None:
    made = plan(frozen_first(), rule("all", "*"))

    assert by_layer(made)["frozen"].reason == "frozen (trainable is false)"
    assert zeros(made) == {"trained": 8}


def test_a_rule_whose_layers_are_all_frozen_can_zero_nothing() -> None:
    [problem] = refused(frozen_first(), rule("first", "frozen"), rule("second", "trained"))

    assert problem == "recipe.layers.first: it can zero nothing (frozen: frozen (trainable is false))."


def test_every_rule_that_can_zero_nothing_is_told() -> None:
    model = tf_keras.Sequential(
        [layers.Input((6,)), *(layers.Dense(4, name=name, trainable=False) for name in ("a", "b"))]
    )

    assert [problem.partition(" (")[0] for problem in refused(model, rule("a"), rule("b"))] == [
        "recipe.layers.a: it can zero nothing",
        "recipe.layers.b: it can zero nothing",
    ]


def test_a_sparsity_too_small_for_its_tensor_is_told(model: tf_keras.Model) -> None:
    problems = refused(model, rule("all", "*", sparsity=0.01))

    asked = "0.01 of 48 weights rounds to no zero at all. Ask for more, or ignore the layer."
    assert problems == [
        f"recipe.layers.all: conv_1, kernel [1, 3, 2, 8]: {asked}",
        f"recipe.layers.all: conv_2, kernel [1, 1, 8, 6]: {asked}",
    ]


def test_a_single_weight_cannot_be_pruned() -> None:
    model = tf_keras.Sequential([layers.Input((1,)), layers.Dense(1, name="one")])

    [problem] = refused(model, rule("one"))

    assert problem.startswith("recipe.layers.one: one, kernel [1, 1]: it has a single weight")


def test_a_rule_that_never_fires_is_told_once(model: tf_keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*, sparsity: float, begin_step: int, end_step: int, frequency: int) -> PruningSchedule:
        return NeverUpdates(sparsity, begin_step=2)

    monkeypatch.setitem(SCHEDULES._entries, "never", never)

    assert refused(model, rule("all", "*", name="never")) == [
        "recipe.layers.all.schedule: it never fires in the 15 training steps."
    ]


def test_every_schedule_that_does_not_fit_is_told(model: tf_keras.Model) -> None:
    problems = refused(
        model,
        rule("conv_1", begin_step=StepSpec(16)),
        rule("conv_2", name="cosine"),
        rule("output", begin_step=StepSpec(9), end_step=StepSpec(1, "epochs")),
    )

    assert len(problems) == 3
    assert problems[0].startswith(
        "recipe.layers.conv_1.schedule.begin_step: 16 is step 16, but training has 15 steps (3 epochs of 5)."
    )
    assert problems[1].startswith(
        "recipe.layers.conv_2.schedule.name: there is no schedule 'cosine'."
        " Known: constant, exponential, linear, polynomial."
    )
    assert problems[2] == "recipe.layers.output.schedule: begin_step 9 (step 9) is after end_step 1ep (5)."


def test_a_rule_that_matches_nothing_or_is_overridden_wholly_is_told(model: tf_keras.Model) -> None:
    problems = refused(model, rule("conv1"), rule("output"), rule("all", "*"))

    assert problems[0].startswith(
        "recipe.layers.conv1.targets: no layer is called 'conv1'. Did you mean 'conv_1'?"
    )
    assert problems[1].startswith(
        "recipe.layers.output: every layer it matches (output) goes to a later rule (all)"
    )
    assert len(problems) == 2


def test_embeddings_are_grouped_along_their_rows() -> None:
    model = tf_keras.Sequential([layers.Input((3,)), layers.Embedding(10, 8, name="words")])

    [row] = plan(model, m_by_n("words")).pruned

    assert (row.shape, row.kernel_shape, row.planned_zeros) == ((10, 8), (8, 10), 40)
    assert row.axis == "input_channels"


def test_a_training_without_end_is_refused(model: tf_keras.Model) -> None:
    assert refused_for(model, epochs=10**15) == (
        "recipe.training.epochs: 1,000,000,000,000,000 epochs of 5 steps are 5,000,000,000,000,000 training"
        " steps; 100,000,000 are the most"
    )
    assert refused_for(model, epochs=10**6, frequency=1).startswith(
        "recipe.layers.output.schedule.frequency: a mask update every 1 step makes 5,000,000 of them; 100,000"
    )
    assert len(plan(model, rule("output"), epochs=10**7).pruned[0].updates) == 51


def refused_for(model: tf_keras.Model, epochs: int, **changes: Any) -> str:
    with pytest.raises(UserError) as caught:
        plan(model, rule("output", **changes), epochs=epochs)
    return str(caught.value)
