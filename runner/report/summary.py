"""`summary.json`: a run's result in one file."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.export.advice import Advice
from runner.export.measure import Exported
from runner.report.parts import Run
from runner.verify import CheckRow


def sparsity_summary(rows: Sequence[CheckRow], weights_in_model: int) -> dict[str, Any]:
    """Sums up the zeros that the sparsity check measured at one point.

    Returns:
        Shares of zeros: `pruned_layers` over all pruned tensors, `model` over all weights of the model,
        biases and statistics included, and `layers`.
    """
    zeros, sizes = Counter[str](), Counter[str]()
    for row in rows:
        zeros[row.layer] += row.zeros
        sizes[row.layer] += math.prod(row.shape)
    return {
        "pruned_layers": zeros.total() / sizes.total() if sizes else 0.0,
        "model": zeros.total() / weights_in_model,
        "layers": {layer: zeros[layer] / sizes[layer] for layer in zeros},
    }


def result_summary(run: Run) -> dict[str, Any]:
    """Returns what `summary.json` says of the result of a run whose files are there."""
    data, proof, exports = run.prepared.data, run.proof, run.exports
    dense_scores, macs = exports.dense_scores or {}, proof.size.macs
    return {
        "data_fallback_for": data.requested if data.fell_back else None,
        "test_accuracy": proof.scores.get("accuracy"),
        "test_loss": proof.scores["loss"],
        "test_mean_squared_error": proof.scores.get("mean_squared_error"),
        "dense_accuracy": dense_scores.get("accuracy"),
        "dense_loss": dense_scores.get("loss"),
        "dense_checkpoint": None if run.dense is None else run.dense.key,
        "sparsity": proof.sparsity,
        "sparsity_check": {"passed": run.check.passed, "failures": run.check.failures},
        "keras_gzip_bytes": proof.size.gzip_bytes,
        "macs": None if macs is None else macs.total,
        "nonzero_macs": None if macs is None else macs.nonzero,
        "variants": variants_summary(exports.files, exports.advice),
        "dense_variants": variants_summary(exports.dense),
        "budget": None if exports.budget is None else exports.budget.to_json(),
    }


def variants_summary(
    exported: Sequence[Exported], advice: Mapping[str, Advice] | None = None
) -> dict[str, Any]:
    """Returns what is known of each TFLite file, by variant; the dense model's have no advice."""
    return {
        file.variant: {
            "loads": file.loads,
            **file.measured(),
            "sparse_tensors": file.sparse_tensors,
            "block_tensors": file.block_tensors,
            "error": file.error,
            **(advice[file.variant].to_json() if advice is not None else {}),
        }
        for file in exported
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a mapping as indented JSON; NaN and infinity, which JSON does not know, become null."""
    path.write_text(json.dumps(_plain(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(below) for below in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
