import subprocess
import sys

import pytest

from runner.export.variants import VARIANTS, Float32
from runner.process.errors import UserError

NAMES = ["dynamic_range", "float16", "float32", "float32_sparse", "int8", "int8_sparse"]


def test_all_variants_are_registered() -> None:
    assert VARIANTS.names() == NAMES
    assert VARIANTS.get("float32", where="recipe.export.variants") is Float32


@pytest.mark.parametrize(
    ("name", "calibrated", "block", "dense"),
    [
        ("float32", False, None, "float32"),
        ("float32_sparse", False, 4, "float32"),
        ("float16", False, None, "float16"),
        ("dynamic_range", False, None, "dynamic_range"),
        ("int8", True, None, "int8"),
        ("int8_sparse", True, 16, "int8"),
    ],
)
def test_each_says_what_it_needs_and_what_it_compares_with(
    name: str, calibrated: bool, block: int | None, dense: str
) -> None:
    variant = VARIANTS.get(name, where="")
    assert (variant.calibrated, variant.block, variant.dense) == (calibrated, block, dense)
    assert ("not TFLite Micro" in variant.runs_on) == (block is not None)


@pytest.mark.parametrize(
    ("name", "layers", "tolerance"),
    [
        ("float32", 1, 0.001),
        ("float32", 400, 0.001),
        ("float32_sparse", 4, 0.001),
        ("float16", 4, 0.001 + 8 * 2**-11 / 3**0.5),
        ("int8", 1, 0.061),
        ("int8", 4, 0.121),
        ("dynamic_range", 9, 0.181),
        ("int8_sparse", 100, 0.5),
    ],
)
def test_the_tolerance_grows_with_the_root_of_the_layers_up_to_a_half(
    name: str, layers: int, tolerance: float
) -> None:
    assert VARIANTS.get(name, where="").tolerance(layers) == pytest.approx(tolerance)


def test_an_unknown_variant_is_answered_with_the_list() -> None:
    with pytest.raises(UserError, match=r"recipe\.export\.variants.*'flaot32'.*Did you mean 'float32'"):
        VARIANTS.get("flaot32", where="recipe.export.variants")


def test_the_registry_needs_no_tensorflow() -> None:
    program = "import sys, runner.export.variants; print('tensorflow' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
