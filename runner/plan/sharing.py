"""What layers share: some models cannot be copied with it, others not saved."""

import tf_keras

from runner.errors import UserError
from runner.plan.matching import listed, named_layers


def check_sharing(model: tf_keras.Model) -> None:
    """Refuses, before it is trained, a model whose sharing of layers a run cannot keep.

    Args:
        model: The model, built.

    Raises:
        UserError: Two layers hold one variable, which a copy would hold twice. Or a layer is used in several
            models that are nested in one: tf-keras saves such a model and cannot load the file.
    """
    layers = named_layers(model)
    holders: dict[int, str] = {}
    for named in layers:
        for variable in named.layer.weights:
            holder = holders.setdefault(id(variable), named.name)
            if holder != named.name:
                raise UserError(
                    f"recipe.model: layers {holder!r} and {named.name!r} hold one variable,"
                    f" {variable.name!r}. Its copies would be set apart by training. Call the layer itself"
                    " in both places of a functional model, not another layer that holds it."
                )
    shared = [named for named in layers if named.aliases and named.layer.weights]
    if shared:
        raise UserError(
            "recipe.model: one layer is used in several models that are nested in each other, as"
            f" {listed(shared[0].names, most=4)}, and tf-keras cannot load a file of such a model. Build it"
            " as one functional model, and call the layer in it as often as it is used."
        )
