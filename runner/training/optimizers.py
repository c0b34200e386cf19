"""The optimizers that recipes name."""

from collections.abc import Callable, Mapping
from typing import Any, get_args, get_type_hints

import tf_keras

from runner.errors import UserError
from runner.recipe.schema import Optimizer
from runner.recipe.section import flag, number
from runner.registry import Registry

OPTIMIZERS: Registry[Callable[..., tf_keras.optimizers.Optimizer]] = Registry("optimizer")
"""Builders by name, called with `learning_rate` and the recipe's other keys as keyword arguments."""


@OPTIMIZERS.register("adam")
def adam(
    *,
    learning_rate: float,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
    clipnorm: float | None = None,
) -> tf_keras.optimizers.Optimizer:
    """Adam (arXiv 1412.6980)."""
    return tf_keras.optimizers.Adam(
        learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, amsgrad=amsgrad, clipnorm=clipnorm
    )


@OPTIMIZERS.register("adamw")
def adamw(
    *,
    learning_rate: float,
    weight_decay: float = 0.004,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    clipnorm: float | None = None,
) -> tf_keras.optimizers.Optimizer:
    """Adam with decoupled weight decay (arXiv 1711.05101)."""
    return tf_keras.optimizers.AdamW(
        learning_rate,
        weight_decay=weight_decay,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
        clipnorm=clipnorm,
    )


@OPTIMIZERS.register("sgd")
def sgd(
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float | None = None,
    clipnorm: float | None = None,
) -> tf_keras.optimizers.Optimizer:
    """Stochastic gradient descent, plain, with momentum, or Nesterov's."""
    return tf_keras.optimizers.SGD(
        learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, clipnorm=clipnorm
    )


@OPTIMIZERS.register("rmsprop")
def rmsprop(
    *,
    learning_rate: float,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    centered: bool = False,
    clipnorm: float | None = None,
) -> tf_keras.optimizers.Optimizer:
    """RMSprop."""
    return tf_keras.optimizers.RMSprop(
        learning_rate, rho=rho, momentum=momentum, epsilon=epsilon, centered=centered, clipnorm=clipnorm
    )


def build_optimizer(written: Optimizer) -> tf_keras.optimizers.Optimizer:
    """Builds the optimizer that a recipe asks for.

    Raises:
        UserError: The name or an argument is unknown or unusable.
    """
    where = "recipe.training.optimizer"
    build = OPTIMIZERS.get(written.name, where=f"{where}.name")
    arguments = OPTIMIZERS.arguments(
        written.name, written.arguments, where=where, supplied=("learning_rate",), beside=("learning_rate",)
    )
    _check_kinds(build, arguments, where)
    try:
        return build(learning_rate=written.learning_rate, **arguments)
    except (ValueError, TypeError) as error:
        raise UserError(f"{where}: optimizer '{written.name}': {error}") from error


def _check_kinds(build: Callable[..., Any], arguments: Mapping[str, Any], where: str) -> None:
    """Finds text where a number is due, which tf-keras itself finds in the first training step."""
    hints = get_type_hints(build)
    for key, value in arguments.items():
        kinds = get_args(hints.get(key)) or (hints.get(key),)
        read = number if float in kinds else flag if bool in kinds else None
        if read is None or (value is None and type(None) in kinds):
            continue
        try:
            read(value)
        except ValueError as error:
            raise UserError(f"{where}.{key} {error}.") from error
