"""Warnings about TFLite files before they are made: what they cannot hold, what conversion would break."""

from collections.abc import Mapping, Sequence

import tf_keras

from runner.export.variants import VARIANTS, Variant
from runner.plan.named_layers import listed, named_layers
from runner.plan.plan import Plan, PlannedWeight
from runner.pruning.structures import Block

# Layers whose kernels become FULLY_CONNECTED operators: TFLite encodes blocks in no others.
_DENSE = frozenset({"Dense", "EinsumDense", "MultiHeadAttention", "TimeDistributed"})
# From this share of zeros on TensorFlow's encoder takes a kernel up (measured in TensorFlow 2.21).
_ENCODED = 0.3
_MOST = 4


def file_warnings(plan: Plan, model: tf_keras.Model, variants: Sequence[str]) -> list[str]:
    """Says what is known of a plan's TFLite files before they are made.

    Args:
        plan: The plan.
        model: The model.
        variants: The registered kinds of file that the recipe asks for.

    Returns:
        A sentence or two for each thing to know, the layers named.
    """
    kinds = {name: VARIANTS.get(name, where="recipe.export.variants") for name in variants}
    pruned = [row for row in plan.pruned if row.planned_zeros]
    return [*_embedding_warnings(model, kinds), *_sparse_warnings(pruned, kinds)]


def embedding_names(model: tf_keras.Model) -> list[str]:
    """Lists the names of a model's Embedding layers."""
    return [n.name for n in named_layers(model) if isinstance(n.layer, tf_keras.layers.Embedding)]


def _embedding_warnings(model: tf_keras.Model, kinds: Mapping[str, type[Variant]]) -> list[str]:
    rounding = [name for name, kind in kinds.items() if kind.rounds_input]
    names = embedding_names(model)
    if not rounding or not names:
        return []
    verb = "rounds" if len(rounding) == 1 else "round"
    return [
        f"{listed(names, most=_MOST)}: {', '.join(rounding)} {verb} the model's input to 256 levels, and with"
        " it the numbers that an embedding looks up, so that the file will most likely fail the check of"
        " outputs. float16 and dynamic_range leave the input as it is."
    ]


def _sparse_warnings(pruned: Sequence[PlannedWeight], kinds: Mapping[str, type[Variant]]) -> list[str]:
    layers: dict[str, list[str]] = {}
    for name, kind in kinds.items():
        for row in pruned if kind.block else ():
            words = _sparse_warning(row, name, kind.block or 1)
            if words:
                layers.setdefault(words, []).append(row.layer)
    return [f"{listed(dict.fromkeys(names), most=_MOST)}: {words}" for words, names in layers.items()]


def _sparse_warning(row: PlannedWeight, variant: str, block: int) -> str | None:
    dense, inputs = row.layer_type in _DENSE, row.kernel_shape[-2]
    if dense and inputs < block and row.planned_zeros >= _ENCODED * row.size:
        return (
            f"TensorFlow's encoder breaks Dense kernels of fewer inputs ({inputs}) than its blocks of"
            f" {block}, so that {variant} will most likely fail the sparsity check. Leave {variant} out, or"
            f" the layer dense."
        )
    if not isinstance(row.structure, Block):
        return None
    if not dense:
        return f"{variant} leaves out blocks of Dense kernels only; these are unpacked when it is loaded."
    if row.structure.rows % block:
        return (
            f"{variant} leaves out whole blocks of {block} inputs, which blocks of {row.structure.rows}"
            f" seldom fill: most likely every zero is unpacked when it is loaded. Use block: {{in: {block}}}."
        )
    return None
