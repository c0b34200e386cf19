"""What layers share: some models cannot be copied with it, others not saved."""

import tf_keras

from runner.plan.matching import listed, named_layers
from runner.process.errors import UserError
from runner.pruning.sharing import BUILD_FUNCTIONAL, CALL_THE_LAYER, repeated_layer, shared_variable


def check_sharing(model: tf_keras.Model) -> None:
    """Refuses, before it is trained, a model whose sharing of layers a run cannot keep.

    Args:
        model: The model, built.

    Raises:
        UserError: Two layers hold one variable, which a copy would hold twice. Or a Sequential model holds a
            layer twice, and a copy or a file would use it once. Or a layer is used in several models that are
            nested in one: tf-keras saves such a model and cannot load the file.
    """
    if repeated := repeated_layer(model):
        sequential, twice = repeated
        raise UserError(
            f"recipe.model: {sequential.name!r} is a Sequential model that holds layer {twice.name!r} twice,"
            f" and its copies and files would use it once. {BUILD_FUNCTIONAL}"
        )
    layers = named_layers(model)
    if found := shared_variable(named.layer for named in layers):
        names = {id(named.layer): named.name for named in layers}
        holder, other, variable = found
        raise UserError(
            f"recipe.model: layers {names[id(holder)]!r} and {names[id(other)]!r} hold one variable,"
            f" {variable.name!r}. Its copies would be set apart by training. {CALL_THE_LAYER}"
        )
    shared = [named for named in layers if named.aliases and named.layer.weights]
    if shared:
        raise UserError(
            "recipe.model: one layer is used in several models that are nested in each other, as"
            f" {listed(shared[0].names, most=4)}, and tf-keras cannot load a file of such a model. Build it"
            " as one functional model, and call the layer in it as often as it is used."
        )
