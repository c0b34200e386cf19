"""The optimizers that recipes name."""

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

import tf_keras
from pydantic import Field
from tf_keras.optimizers.schedules import LearningRateSchedule

from runner.process.errors import UserError
from runner.recipe.registry import Registry
from runner.recipe.signature import NotNegative, Positive, Share
from runner.recipe.training import LearningRate, Optimizer
from runner.training.learning_rates import build_learning_rate, check_learning_rate

OPTIMIZERS: Registry[Callable[..., tf_keras.optimizers.Optimizer]] = Registry(
    "optimizer", supplied=("learning_rate",), beside=("learning_rate",)
)
"""Builders by name, called with `learning_rate`, a number or a tf-keras schedule, and the recipe's other keys
as keyword arguments. The shipped ones all take one of `clipnorm` (of each weight's gradient), `clipvalue` and
`global_clipnorm`, > 0, and `ema_momentum`, in [0, 1): the weights that training ends with are then the moving
average of those of its steps."""

Rate: TypeAlias = float | LearningRateSchedule
_Beta1 = Annotated[Share, Field(description="Decay of the moving average of gradients.")]
_Beta2 = Annotated[Share, Field(description="Decay of the moving average of squared gradients.")]
_Epsilon = Annotated[Positive, Field(description="Added to the denominator, against division by zero.")]
_Amsgrad = Annotated[bool, Field(description="Divide by the largest average so far (arXiv 1904.09237).")]
_Momentum = Annotated[Share, Field(description="Decay of the velocity; 0 is none.")]
_DECAY = Field(description="Decoupled weight decay: the share that a step takes, times the learning rate.")
_ClipNorm = Annotated[
    Positive | None, Field(description="Largest norm of each weight's gradient; excludes the other clips.")
]
_ClipValue = Annotated[
    Positive | None, Field(description="Largest value in a gradient; excludes the other clips.")
]
_GlobalClipNorm = Annotated[
    Positive | None, Field(description="Largest norm of all gradients together; excludes the other clips.")
]
_EmaMomentum = Annotated[
    Share | None,
    Field(
        description="Training ends with the moving average of the weights of its steps, with this decay; null"
        " keeps the weights of the last step."
    ),
]


@OPTIMIZERS.register("adam")
def adam(
    *,
    learning_rate: Rate,
    beta_1: _Beta1 = 0.9,
    beta_2: _Beta2 = 0.999,
    epsilon: _Epsilon = 1e-7,
    amsgrad: _Amsgrad = False,
    clipnorm: _ClipNorm = None,
    clipvalue: _ClipValue = None,
    global_clipnorm: _GlobalClipNorm = None,
    ema_momentum: _EmaMomentum = None,
) -> tf_keras.optimizers.Optimizer:
    """Adam (arXiv 1412.6980), with `amsgrad` that of arXiv 1904.09237."""
    return tf_keras.optimizers.Adam(
        learning_rate,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
        amsgrad=amsgrad,
        **_shared(clipnorm, clipvalue, global_clipnorm, ema_momentum),
    )


@OPTIMIZERS.register("adamw")
def adamw(
    *,
    learning_rate: Rate,
    weight_decay: Annotated[NotNegative, _DECAY] = 0.004,
    beta_1: _Beta1 = 0.9,
    beta_2: _Beta2 = 0.999,
    epsilon: _Epsilon = 1e-7,
    amsgrad: _Amsgrad = False,
    clipnorm: _ClipNorm = None,
    clipvalue: _ClipValue = None,
    global_clipnorm: _GlobalClipNorm = None,
    ema_momentum: _EmaMomentum = None,
) -> tf_keras.optimizers.Optimizer:
    """Adam with decoupled weight decay (arXiv 1711.05101)."""
    return tf_keras.optimizers.AdamW(
        learning_rate,
        weight_decay=weight_decay,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
        amsgrad=amsgrad,
        **_shared(clipnorm, clipvalue, global_clipnorm, ema_momentum),
    )


@OPTIMIZERS.register("sgd")
def sgd(
    *,
    learning_rate: Rate,
    momentum: _Momentum = 0.0,
    nesterov: Annotated[bool, Field(description="Nesterov's momentum.")] = False,
    weight_decay: Annotated[NotNegative | None, _DECAY] = None,
    clipnorm: _ClipNorm = None,
    clipvalue: _ClipValue = None,
    global_clipnorm: _GlobalClipNorm = None,
    ema_momentum: _EmaMomentum = None,
) -> tf_keras.optimizers.Optimizer:
    """Stochastic gradient descent, plain, with momentum, or Nesterov's.

    Weight decay is decoupled: a step takes `learning_rate * weight_decay` of a weight from it, past the
    momentum. What papers add to the gradient instead is gathered by the momentum, and so comes to
    `weight_decay / (1 - momentum)` here.
    """
    if nesterov and not momentum:
        raise ValueError("nesterov needs a momentum above 0")
    return tf_keras.optimizers.SGD(
        learning_rate,
        momentum=momentum,
        nesterov=nesterov,
        weight_decay=weight_decay,
        **_shared(clipnorm, clipvalue, global_clipnorm, ema_momentum),
    )


@OPTIMIZERS.register("rmsprop")
def rmsprop(
    *,
    learning_rate: Rate,
    rho: _Beta2 = 0.9,
    momentum: _Momentum = 0.0,
    epsilon: _Epsilon = 1e-7,
    centered: Annotated[bool, Field(description="Divide by the variance of gradients.")] = False,
    weight_decay: Annotated[NotNegative | None, _DECAY] = None,
    clipnorm: _ClipNorm = None,
    clipvalue: _ClipValue = None,
    global_clipnorm: _GlobalClipNorm = None,
    ema_momentum: _EmaMomentum = None,
) -> tf_keras.optimizers.Optimizer:
    """RMSprop (G. Hinton, Neural Networks for Machine Learning, lecture 6e); weight decay as in `sgd`."""
    return tf_keras.optimizers.RMSprop(
        learning_rate,
        rho=rho,
        momentum=momentum,
        epsilon=epsilon,
        centered=centered,
        weight_decay=weight_decay,
        **_shared(clipnorm, clipvalue, global_clipnorm, ema_momentum),
    )


def _shared(
    clipnorm: float | None, clipvalue: float | None, global_clipnorm: float | None, ema_momentum: float | None
) -> dict[str, Any]:
    """Returns what every optimizer of tf-keras takes."""
    clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
    given = [name for name, value in clips.items() if value is not None]
    if len(given) > 1:  # tf-keras itself would take the first and say nothing.
        raise ValueError(f"{' and '.join(given)} exclude each other; keep one")
    averaged = {"use_ema": True, "ema_momentum": ema_momentum, "ema_overwrite_frequency": None}
    return {**clips, **(averaged if ema_momentum is not None else {})}


def check_optimizer(written: Optimizer) -> dict[str, Any]:
    """Looks up the optimizer and the learning rate that a recipe names, and returns the former's arguments.

    Raises:
        UserError: A name or an argument is unknown or unusable.
    """
    where = "recipe.training.optimizer"
    arguments = OPTIMIZERS.arguments(written.name, written.arguments, where=where)
    if isinstance(written.learning_rate, LearningRate):
        check_learning_rate(written.learning_rate)
    return arguments


def build_optimizer(
    written: Optimizer, total_steps: int, steps_per_epoch: int, *, phase: str = "training"
) -> tf_keras.optimizers.Optimizer:
    """Builds the optimizer that a recipe asks for.

    Args:
        written: What the recipe says.
        total_steps: Batches in the whole phase that it is for, >= 1: a learning rate may follow them.
        steps_per_epoch: Batches in one epoch, >= 1.
        phase: What the steps belong to, for messages.

    Raises:
        UserError: The name, an argument or the learning rate is unknown or unusable.
    """
    where = "recipe.training.optimizer"
    arguments = check_optimizer(written)
    learning_rate = build_learning_rate(written.learning_rate, total_steps, steps_per_epoch, phase=phase)
    try:
        build = OPTIMIZERS.get(written.name, where=f"{where}.name")
        return build(learning_rate=learning_rate, **arguments)
    except (ValueError, TypeError) as error:
        raise UserError(f"{where}: optimizer '{written.name}': {error}") from error
