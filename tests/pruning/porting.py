"""Runs the scripts of `scripts/` as they stand, against TFMOT, or with their import line changed.

python porting.py {tfmot|runner} SCRIPT ... prints one line of JSON for each: what the script printed last, or
its error. All run in one process, because TensorFlow takes longer to import than most of them to run.
"""

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

IMPORT_LINES = {
    "import tensorflow_model_optimization as tfmot\n": "from runner.pruning import tfmot\n",
    "from tensorflow_model_optimization.sparsity import keras as sparsity\n": (
        "from runner import pruning as sparsity\n"
    ),
    "from tensorflow_model_optimization.sparsity.keras import (\n": "from runner.pruning import (\n",
}
"""The ways in which scripts import TFMOT, and what takes their place."""


def ported(source: str) -> str:
    """Changes the one import line of a script, and nothing else."""
    [line] = [line for line in IMPORT_LINES if line in source]
    return source.replace(line, IMPORT_LINES[line], 1)


def outcome(source: str, name: str) -> dict[str, Any]:
    """Runs a script; returns `{"found": ...}`, or `{"error": ...}`."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(1)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(source, name, "exec"), {"__name__": "__main__"})
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"found": json.loads(printed.getvalue().splitlines()[-1])}


if __name__ == "__main__":
    package, *paths = sys.argv[1:]
    for path in map(Path, paths):
        source = path.read_text()
        result = outcome(source if package == "tfmot" else ported(source), str(path))
        print(json.dumps({"script": path.stem, **result}), flush=True)
