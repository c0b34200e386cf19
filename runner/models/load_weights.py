"""Loads weights into a built model by layer name and shape: all of them, or none and an error."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tf_keras

from runner.models.by_name import match_named
from runner.models.by_object import match_objects
from runner.models.matched import Matched, cut, shapes
from runner.models.weights_file import read_weights_file
from runner.process.errors import UserError, did_you_mean
from runner.process.wording import counted
from runner.recipe.pattern import fits, fits_any, plain


def load_weights(model: tf_keras.Model, path: Path, ignore: Sequence[str] = ()) -> str:
    """Loads the weights of a file into a model, all of them or none.

    Layers are matched by name, those of nested models too; automatic names (`dense_3`) that differ are
    matched in order. In files without layer names, the `.weights.h5` of tf-keras and of early Keras 3, layers
    are counted by class: the third `Conv2D` of the file is matched with the third of the model. Within a
    layer, weights are matched by place and order, which both Keras versions share; shapes must be equal.

    Args:
        model: A built Sequential or functional model.
        path: Saved by Keras 3 or tf-keras: `.weights.h5`, `.keras`, or `.h5` with weights or a whole model.
        ignore: Patterns of the names of layers, of the model or the file, to leave out.

    Returns:
        A sentence on what was loaded and what was not.

    Raises:
        UserError: The file cannot be read, or does not fit the model: one message with the layers that are
            only in the file, those only in the model, and the tensors that differ. Or a pattern matches no
            layer, or nothing is left to load. The model is unchanged.
    """
    where = f"recipe.model.weights: {path}"
    stored = read_weights_file(path, where)
    every = match_named(model, stored) if isinstance(stored, dict) else match_objects(model, stored)
    _check_patterns(ignore, every, path)
    matched = every.without(lambda layer: fits_any(ignore, layer))
    if not matched.fits:
        lines = [f"{where}: its weights do not fit the model '{model.name}'; none were loaded"]
        lines += matched.report()
        lines.append("recipe.model.weights_ignore=[LAYER, ...] leaves layers as they are built")
        raise UserError("\n  ".join(lines))
    if not matched.pairs:
        raise UserError(f"recipe.model.weights_ignore: leaves nothing to load from {path}")
    for pair in matched.pairs:
        pair.variable.assign(np.asarray(pair.value, pair.variable.dtype.as_numpy_dtype))
    for layer in model.submodules:
        # Normalization uses its mean and variance once, not at each call.
        if isinstance(layer, tf_keras.layers.Normalization) and layer.built:
            layer.finalize_state()
    return _summary(path, matched, every.without(lambda layer: not fits_any(ignore, layer)))


def _check_patterns(ignore: Sequence[str], matched: Matched, path: Path) -> None:
    names = matched.layers
    unfit = [difference.layer for difference in matched.differing]
    unfit = list(dict.fromkeys([*unfit, *matched.only_in_model, *matched.only_in_file]))
    problems = [
        f"recipe.model.weights_ignore: no layer with weights is called {pattern!r} in the model or {path}."
        f"{did_you_mean(plain(pattern), names)} Layers that do not fit: {cut(unfit) or 'none'}."
        for pattern in ignore
        if not any(fits(pattern, name) for name in names)
    ]
    if problems:
        raise UserError("\n".join(problems))


def _summary(path: Path, loaded: Matched, left: Matched) -> str:
    built: dict[str, list[str]] = {}
    unused: dict[str, list[str]] = {}
    for pair in left.pairs:
        for side in (built, unused):
            side.setdefault(pair.layer, []).append(shapes([pair.variable]))
    for difference in left.differing:
        built.setdefault(difference.layer, []).append(difference.wanted)
        unused.setdefault(difference.layer, []).append(difference.found)
    built |= {layer: [text] for layer, text in left.only_in_model.items()}
    unused |= {layer: [text] for layer, text in left.only_in_file.items()}
    layers = list(dict.fromkeys(pair.layer for pair in loaded.pairs))
    by_order = [f"{loaded.stored_as[layer]} as {layer}" for layer in layers if layer in loaded.stored_as]
    parts = [f"weights of {path.name}: {counted(len(layers), 'layer')} loaded"]
    if by_order:
        more = ", ..." if len(by_order) > 1 else ""
        parts[0] += f", {len(by_order)} of them by order, not by name ({by_order[0]}{more})"
    for title, side in (("left as built", built), ("not taken from the file", unused)):
        if side:
            parts.append(f"{title}: " + cut([f"{layer} {', '.join(texts)}" for layer, texts in side.items()]))
    return "; ".join(parts)
