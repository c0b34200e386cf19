"""Registers the wrapper with Keras once Keras is imported, so that saved models with wrappers load by name.

`import runner.pruning` imports neither TensorFlow nor Keras, and a script may import Keras later.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_KERAS = "tf_keras"
_WRAPPER = "runner.pruning.wrapper"


class _AfterKeras(MetaPathFinder):
    """Finds `tf_keras` as Python does, and imports the wrapper after it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _KERAS:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(_KERAS)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            importlib.import_module(_WRAPPER)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def register_with_keras() -> None:
    """Imports the wrapper, which registers itself: now if Keras is imported already, else right after it."""
    if _KERAS in sys.modules:
        importlib.import_module(_WRAPPER)
    else:
        sys.meta_path.insert(0, _AfterKeras())
