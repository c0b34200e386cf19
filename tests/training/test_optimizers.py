from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from runner.process.errors import UserError
from runner.recipe.recipe import LearningRate, Optimizer
from runner.training import OPTIMIZERS, build_optimizer


def after(steps: int, name: str, learning_rate: float = 0.5, **arguments: Any) -> float:
    """Where a weight of 1 is after some steps down a slope of 2."""
    optimizer = build_optimizer(Optimizer(name, learning_rate, arguments), 10, 5)
    weight = tf.Variable([1.0])
    for _ in range(steps):
        optimizer.apply_gradients([(tf.constant([2.0]), weight)])
    return float(weight.numpy()[0])


def refused(name: str, **arguments: Any) -> str:
    with pytest.raises(UserError) as caught:
        build_optimizer(Optimizer(name, 0.1, arguments), 10, 5)
    return str(caught.value)


def test_the_known_optimizers() -> None:
    assert OPTIMIZERS.names() == ["adam", "adamw", "rmsprop", "sgd"]


@pytest.mark.parametrize(
    ("name", "steps", "arguments", "wanted"),
    [
        ("sgd", 1, {}, 0.0),
        ("sgd", 2, {}, -1.0),
        # The velocity is -1, then 0.5 * -1 - 1.
        ("sgd", 2, {"momentum": 0.5}, -1.5),
        # One step ahead of it: 0.5 v - 1 in each.
        ("sgd", 1, {"momentum": 0.5, "nesterov": True}, -0.5),
        ("sgd", 1, {"clipnorm": 1.0}, 0.5),
        ("sgd", 1, {"weight_decay": 0.1}, -0.05),
        # Adam's first step is the learning rate, whatever the slope.
        ("adam", 1, {}, 0.5),
        ("adam", 1, {"epsilon": 2.0}, 0.984_673),
        ("adam", 1, {"beta_1": 0.0, "beta_2": 0.0}, 0.5),
        # The weight shrinks by 0.5 * 0.2 of itself beforehand.
        ("adamw", 1, {"weight_decay": 0.2}, 0.4),
        # 2 / sqrt(0.1 * 4)
        ("rmsprop", 1, {}, 1 - 0.5 * 2 / np.sqrt(0.4)),
        ("rmsprop", 1, {"rho": 0.75}, 0.0),
        ("rmsprop", 1, {"rho": 0.75, "weight_decay": 0.1}, -0.05),
        # Centered, the variance is 0.25 * 4 less the square of the mean 0.25 * 2.
        ("rmsprop", 1, {"rho": 0.75, "centered": True}, 1 - 1 / np.sqrt(0.75)),
        ("sgd", 1, {"clipvalue": 0.5}, 0.75),
        ("sgd", 1, {"global_clipnorm": 1.0}, 0.5),
        ("rmsprop", 1, {"rho": 0.75, "clipvalue": 1.0}, 0.0),
    ],
)
def test_each_steps_as_it_is_defined(name: str, steps: int, arguments: dict[str, Any], wanted: float) -> None:
    assert after(steps, name, **arguments) == pytest.approx(wanted, abs=1e-5)


def test_the_learning_rate_is_the_recipes() -> None:
    assert float(build_optimizer(Optimizer("adam", 0.25), 10, 5).learning_rate) == 0.25


def test_an_unknown_optimizer_is_told_with_the_list() -> None:
    assert refused("rmsprob").startswith(
        "recipe.training.optimizer.name: there is no optimizer 'rmsprob'. Did you mean 'rmsprop'?"
        " Known: adam, adamw, rmsprop, sgd."
    )


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        (
            "adam",
            {"momentum": 0.9},
            "recipe.training.optimizer.momentum: optimizer 'adam' has no argument 'momentum'.",
        ),
        (
            "sgd",
            {"momentun": 0.9},
            "recipe.training.optimizer.momentun: optimizer 'sgd' has no argument 'momentun'. Did you mean"
            " 'momentum'? It takes: clipnorm, clipvalue, ema_momentum, global_clipnorm, learning_rate,"
            " momentum, nesterov, weight_decay.",
        ),
        ("sgd", {"momentum": 2}, "recipe.training.optimizer.momentum is 2, but must be in [0, 1)."),
        ("sgd", {"nesterov": True}, "recipe.training.optimizer: optimizer 'sgd': nesterov needs a momentum"),
        (
            "sgd",
            {"weight_decay": -0.1},
            "recipe.training.optimizer.weight_decay is -0.1, but must be at least 0.",
        ),
        ("adam", {"beta_2": 1}, "recipe.training.optimizer.beta_2 is 1, but must be in [0, 1)."),
        ("adamw", {"epsilon": 0}, "recipe.training.optimizer.epsilon is 0, but must be above 0."),
        ("rmsprop", {"clipvalue": -1}, "recipe.training.optimizer.clipvalue is -1, but must be above 0."),
        (
            "rmsprop",
            {"ema_momentum": 1.5},
            "recipe.training.optimizer.ema_momentum is 1.5, but must be in [0, 1).",
        ),
        (
            "adam",
            {"clipnorm": 1, "clipvalue": 1},
            "recipe.training.optimizer: optimizer 'adam': clipnorm and clipvalue exclude each other",
        ),
        ("sgd", {"momentum": "much"}, "recipe.training.optimizer.momentum is 'much', but must be a number."),
        ("sgd", {"nesterov": "no"}, "recipe.training.optimizer.nesterov is 'no', but must be true or false."),
        ("adam", {"beta_1": None}, "recipe.training.optimizer.beta_1 is None, but must be a number."),
        ("adam", {"clipnorm": "1"}, "recipe.training.optimizer.clipnorm is '1', but must be a number."),
        ("adamw", {"weight_decay": [1]}, "recipe.training.optimizer.weight_decay is [1], but must be a"),
    ],
)
def test_unusable_arguments_are_told_with_their_key(name: str, arguments: dict[str, Any], told: str) -> None:
    assert refused(name, **arguments).startswith(told)


def test_null_stands_for_not_given_where_that_has_a_meaning() -> None:
    assert after(1, "sgd", clipnorm=None, weight_decay=None) == 0.0


def test_an_optimizer_of_ones_own_checks_its_arguments_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setitem(OPTIMIZERS._entries, "mine", lambda **arguments: given.update(arguments))

    build_optimizer(Optimizer("mine", 0.5, {"mood": "good"}), 10, 5)

    assert given == {"learning_rate": 0.5, "mood": "good"}


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_optimizer_has_what_all_share(name: str) -> None:
    optimizer = build_optimizer(Optimizer(name, 0.1, {"global_clipnorm": 2, "ema_momentum": 0.5}), 10, 5)

    assert (optimizer.global_clipnorm, optimizer.clipnorm, optimizer.clipvalue) == (2.0, None, None)
    assert (optimizer.use_ema, optimizer.ema_momentum, optimizer.ema_overwrite_frequency) == (True, 0.5, None)
    assert build_optimizer(Optimizer(name, 0.1), 10, 5).use_ema is False


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_optimizer_follows_a_learning_rate_along_the_steps(name: str) -> None:
    changing = Optimizer(
        name, LearningRate("piecewise", 0.5, arguments={"boundaries": ["1ep"], "values": [0]})
    )
    weight = tf.Variable([1.0])
    optimizer = build_optimizer(changing, total_steps=4, steps_per_epoch=2)

    moves = []
    for _ in range(4):
        before = float(weight.numpy()[0])
        optimizer.apply_gradients([(tf.constant([2.0]), weight)])
        moves.append(abs(float(weight.numpy()[0]) - before))

    assert min(moves[:2]) > 0.1
    assert moves[2:] == [0.0, 0.0]
