"""TensorFlow's own schema of TFLite files, loaded without importing TensorFlow."""

import functools
import importlib.util
from pathlib import Path
from types import ModuleType

from runner.process.errors import UserError


class TFLiteFileError(UserError):
    """The file is missing, or is no TFLite file, or a damaged one."""


@functools.cache
def load_schema() -> ModuleType:
    """Loads the schema by its file: importing TensorFlow takes four seconds, this 0.2.

    Raises:
        TFLiteFileError: The installed TensorFlow has none.
    """
    tensorflow = importlib.util.find_spec("tensorflow")
    for folder in (tensorflow.submodule_search_locations or ()) if tensorflow else ():
        file = Path(folder, "lite", "python", "schema_py_generated.py")
        spec = importlib.util.spec_from_file_location("runner_tflite_schema", file)
        if file.is_file() and spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise TFLiteFileError(
        "the TFLite schema (tensorflow/lite/python/schema_py_generated.py) is not where TensorFlow keeps it:"
        " install the project's own TensorFlow, see pyproject.toml"
    )


def names(enumeration: type) -> dict[int, str]:
    """Returns the names of an enumeration's values."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}
