import subprocess
import sys

import pytest

from runner.errors import UserError
from runner.export.variants import VARIANTS, Float32


def test_float32_is_registered() -> None:
    assert VARIANTS.get("float32", where="recipe.export.variants") is Float32
    assert Float32.tolerance == 1e-3


def test_an_unknown_variant_is_answered_with_the_list() -> None:
    with pytest.raises(UserError, match=r"recipe\.export\.variants.*'flaot32'.*Did you mean 'float32'"):
        VARIANTS.get("flaot32", where="recipe.export.variants")


def test_the_registry_needs_no_tensorflow() -> None:
    program = "import sys, runner.export.variants; print('tensorflow' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
