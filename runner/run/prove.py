"""The stage that proves the Keras model: strips, saves and reloads it, checks its sparsity, evaluates it."""

import math

import numpy as np
import tf_keras

from runner.export.measure import gzip_bytes
from runner.models.saved import reload_model
from runner.models.saving import save_model
from runner.process.errors import RunFailed
from runner.pruning import strip_pruning
from runner.pruning.macs import macs_or_reason
from runner.report.parts import ModelSize, Proof, Run
from runner.report.summary import sparsity_summary
from runner.training import predicted
from runner.verify import check_weights
from runner.verify.evidence import expected_weights, weights_by_name


def prove(run: Run) -> Proof:
    """Strips the trained model, saves it as `model.keras`, and checks and evaluates it.

    Raises:
        RunFailed: The loss on the test set is not finite.
    """
    prepared, wrapped, path = run.prepared, run.fitted.model, run.folder / "model.keras"
    expected = expected_weights(prepared.plan, wrapped)
    rows = check_weights(expected, {(w.layer, w.weight): w.values for w in expected}, "trained")
    with run.stage("strip", "stripping the wrappers"):
        stripped = strip_pruning(wrapped)
        stripped_rows = check_weights(expected, weights_by_name(stripped), "stripped")
        save_model(stripped, path)
        saved = reload_model(path, stripped)
        rows += stripped_rows + check_weights(expected, weights_by_name(saved), "saved")
    with run.stage("evaluate", "evaluating on the test set"):
        outputs = predicted(stripped, prepared.split.x_test)
        scores = prepared.task.score(prepared.split.y_test, outputs)
        if not math.isfinite(scores["loss"]):
            raise RunFailed(
                f"the loss on the test set is {scores['loss']} after the {prepared.plan.total_steps}"
                " training steps. The usual remedy is a smaller recipe.training.optimizer.learning_rate."
            )
    macs, macs_unknown = macs_or_reason(stripped, prepared.data.input_shape)
    return Proof(
        model=stripped,
        outputs=outputs,
        scores=scores,
        expected=expected,
        rows=rows,
        sparsity=sparsity_summary(stripped_rows, stripped.count_params()),
        size=ModelSize(
            weights=stripped.count_params(),
            nonzero_weights=_nonzero(stripped),
            macs=macs,
            macs_unknown=macs_unknown,
            gzip_bytes=gzip_bytes(path),
        ),
    )


def _nonzero(model: tf_keras.Model) -> int:
    return sum(int(np.count_nonzero(weight)) for weight in model.get_weights())
