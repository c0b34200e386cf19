"""The wrapper: the Keras layer that owns the masks of the layer inside it."""

import inspect
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from runner.pruning.importance import checked_seed, derived_seed
from runner.pruning.keras_internals import inner_layers, untracked
from runner.pruning.mask_update import MaskSpec
from runner.pruning.masked_weight import MaskedWeight
from runner.pruning.prunable import is_prunable, prunable_weights, refuse_keras_3
from runner.pruning.schedules import ConstantSparsity, PruningSchedule, schedule_config, schedule_from_config
from runner.pruning.structures import (
    MByN,
    Structure,
    Unstructured,
    structure_arguments,
    structure_from_arguments,
)

# Replicas hold equal weights, so each computes the same mask by itself: no traffic between devices.
_PER_REPLICA = {
    "synchronization": tf.VariableSynchronization.ON_READ,
    "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
}


@tf_keras.saving.register_keras_serializable(package="runner.pruning")
class PruneLowMagnitude(tf_keras.layers.Wrapper):
    """Prunes the weights of one layer while it trains.

    Args:
        layer: An unbuilt or built layer with prunable weights; it is wrapped itself.
        pruning_schedule: Sparsity over the steps. None: 50 % at once, or under m:n the full pattern,
            set once at the first step.
        block_size: Rows and columns of a block of the matrix `[spatial x in, out]`; (1, 1) for none.
        block_pooling_type: `AVG` or `MAX`.
        sparsity_m_by_n: `(m, n)`: m of every n weights are zero. Excludes `block_size`.
        m_by_n_axis: `auto`, `input_channels` or `flattened`.
        weights: Names of the layer's weights to prune, such as `["recurrent_kernel"]`; None for all.
        importance: `magnitude`, or `random`: as many weights, chosen at random. The random scores stay the
            same, so the masks of a rising schedule are nested; see `runner.pruning.importance`.
        importance_seed: Seed of the random scores, from 0 to 2**64 - 1; layers of other names get other
            scores. None takes one from Python's `random`, which `tf_keras.utils.set_random_seed` seeds; a
            saved model has it.
        structure: The structure itself, in place of the arguments that name one.
        **kwargs: What every Keras layer takes, such as `name` and `input_shape`.

    Raises:
        ValueError: If the layer cannot be pruned or an argument is unusable.
    """

    def __init__(
        self,
        layer: tf_keras.layers.Layer,
        pruning_schedule: PruningSchedule | None = None,
        block_size: Sequence[int] = (1, 1),
        block_pooling_type: str = "AVG",
        sparsity_m_by_n: Sequence[int] | None = None,
        m_by_n_axis: str = "auto",
        weights: Sequence[str] | None = None,
        importance: str = "magnitude",
        importance_seed: int | None = None,
        structure: Structure | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_keras_3(layer)
        self._importance_seed = checked_seed(importance, importance_seed)
        if not is_prunable(layer):
            raise ValueError(
                f"{type(layer).__name__} {layer.name!r} has no weights that can be pruned. A layer of your"
                " own can be: define get_prunable_weights(), which returns its variables."
            )
        named = structure_from_arguments(block_size, block_pooling_type, sparsity_m_by_n, m_by_n_axis)
        if structure is not None and named != Unstructured():
            raise ValueError(
                "structure, block_size and sparsity_m_by_n name two structures; a layer can have one."
            )
        self.structure = structure or named
        self.pruning_schedule = pruning_schedule or default_schedule(self.structure)
        if not isinstance(self.pruning_schedule, PruningSchedule):
            raise ValueError(
                f"pruning_schedule is {pruning_schedule!r}; it must be a PruningSchedule of"
                " runner.pruning, such as ConstantSparsity(0.5, begin_step=0)."
            )
        self._pruned_names = None if weights is None else tuple(weights)
        self._masked_weights: tuple[MaskedWeight, ...] = ()
        kwargs.setdefault("name", f"prune_low_magnitude_{layer.name}")
        kwargs.setdefault("dtype", layer.dtype_policy)  # Else the inputs of a float32 head are cast.
        super().__init__(layer, **kwargs)
        self.supports_masking = layer.supports_masking
        parameters = inspect.signature(layer.call).parameters
        takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        self._takes = {name for name in ("training", "mask") if name in parameters or takes_any}
        if not hasattr(self, "_batch_input_shape") and hasattr(layer, "_batch_input_shape"):
            self._batch_input_shape = layer._batch_input_shape  # The first layer of a Sequential model.

    @property
    def masked_weights(self) -> tuple[MaskedWeight, ...]:
        """The pruned weights with their masks, once the layer is built."""
        return self._masked_weights

    @property
    def pruning_step(self) -> tf.Variable:
        """Training steps so far, an int64 scalar."""
        return self._masked_weights[0].step

    @property
    def steps(self) -> int:
        """Training steps that the masks have seen; 0 before the layer is built."""
        return max((int(masked.step.numpy()) for masked in self._masked_weights), default=0)

    def build(self, input_shape: Any = None) -> None:
        """Builds the inner layer, then a mask and a step for each of its prunable weights."""
        super().build(input_shape)
        self._mask_weights()

    @untracked
    def _mask_weights(self) -> None:
        found = prunable_weights(self.layer)
        if not found:
            return  # Some layers (MultiHeadAttention) make their weights when first called.
        names = [weight.name for weight in found]
        missing = [name for name in self._pruned_names or () if name not in names]
        if missing:
            raise ValueError(
                f"{self.layer.name!r} has no prunable weight {missing[0]!r}; it has {', '.join(names)}."
            )
        masked = []
        for weight in found:
            if self._pruned_names is not None and weight.name not in self._pruned_names:
                continue
            problem = self.structure.problem(weight.kernel_shape)
            if problem:
                raise ValueError(f"{self.layer.name!r}, weight {weight.name!r}: {problem}.")
            common = {"trainable": False, **_PER_REPLICA}
            mask = self.add_weight(f"{weight.name}_mask", weight.shape, tf.bool, "ones", **common)
            step = self.add_weight(f"{weight.name}_pruning_step", (), tf.int64, "zeros", **common)
            reached = tf.Variable(0, dtype=tf.int64, **common)  # Saved with nothing.
            spec = MaskSpec(self.structure, weight.layout, self._seed_of(weight.name))
            schedule, owner = self.pruning_schedule, self.layer.name
            masked.append(MaskedWeight(weight, mask, step, reached, spec, schedule, owner))
        self._masked_weights = tuple(masked)

    def _seed_of(self, weight: str) -> int | None:
        seed = self._importance_seed
        return None if seed is None else derived_seed(seed, f"{self.layer.name}/{weight}")

    def call(self, inputs: Any, *args: Any, training: Any = None, mask: Any = None, **kwargs: Any) -> Any:
        """Calls the inner layer; the masks are kept by the optimizer step, not here."""
        if "training" in self._takes:
            kwargs["training"] = training
        if "mask" in self._takes and mask is not None:
            kwargs["mask"] = mask
        outputs = self.layer(inputs, *args, **kwargs)
        if not self._masked_weights:
            with tf.init_scope():
                self._mask_weights()
        return outputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the inner layer's sequence mask."""
        return self.layer.compute_mask(inputs, mask)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the inner layer's output shape."""
        return self.layer.compute_output_shape(input_shape)

    def get_weights(self) -> list[Any]:
        """Returns the inner layer's weights."""
        return list(self.layer.get_weights())

    def set_weights(self, weights: list[Any]) -> None:
        """Sets the inner layer's weights; the masks stay in force."""
        self.layer.set_weights(weights)

    def take_masks(self, other: "PruneLowMagnitude") -> None:
        """Takes over the masks and steps of a wrapper around the same layer, so that they stay in force."""
        for own, its in zip(self._masked_weights, other.masked_weights, strict=True):
            own.mask.assign(its.mask)
            own.step.assign(its.step)

    @property
    def trainable(self) -> bool:
        """Whether the inner layer trains."""
        return bool(self.layer.trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.layer.trainable = value

    def settle(self, steps: int | None = None) -> None:
        """Ends training for every mask; a frozen layer is left alone. See `MaskedWeight.settle`."""
        if self.trainable:
            for masked in self._masked_weights:
                masked.settle(steps)

    def begin_training(self) -> None:
        """Begins a training at the step of the weights as they are: those of an earlier one may be back."""
        for masked in self._masked_weights:
            masked.begin()

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments, the inner layer's config and the schedule's."""
        return {
            **super().get_config(),
            **structure_arguments(self.structure),
            "weights": None if self._pruned_names is None else list(self._pruned_names),
            "importance": "magnitude" if self._importance_seed is None else "random",
            "importance_seed": self._importance_seed,
            "pruning_schedule": schedule_config(self.pruning_schedule),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> "PruneLowMagnitude":
        """Builds the wrapper that `get_config` described."""
        config = dict(config)
        schedule = schedule_from_config(config.pop("pruning_schedule"), custom_objects)
        return super().from_config({**config, "pruning_schedule": schedule}, custom_objects)


def default_schedule(structure: Structure) -> PruningSchedule:
    """Returns what holds where no schedule is given: m:n in full, set once; 50 % otherwise."""
    if isinstance(structure, MByN):
        return ConstantSparsity(structure.m / structure.n, begin_step=0, end_step=0)
    return ConstantSparsity(0.5, begin_step=0)


def wrappers(model: tf_keras.layers.Layer) -> list[PruneLowMagnitude]:
    """Lists the wrappers in a model or layer, in nested models and custom layers too, each once."""
    refuse_keras_3(model)
    found = inner_layers(model, with_itself=True)
    return list({id(layer): layer for layer in found if isinstance(layer, PruneLowMagnitude)}.values())
