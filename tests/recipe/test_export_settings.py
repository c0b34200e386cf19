from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from runner.recipe.export_settings import Budget, Export
from runner.recipe.problems import problems_of
from runner.recipe.section import plain


def told(section: Any, mapping: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as refused:
        read(section, mapping)
    problems = problems_of(refused.value, section, "recipe.part")
    return [(key.removeprefix("recipe.part"), text) for key, text in problems]


def read(section: Any, mapping: dict[str, Any] | None) -> Any:
    return TypeAdapter(section).validate_python(mapping)


def test_an_export_has_defaults() -> None:
    assert read(Export, {}) == Export(("float32",), calibration_samples=128, dense=True)


def test_an_export_is_read_back_as_it_was() -> None:
    export = Export(("int8", "float16"), calibration_samples=7, dense=False)
    assert read(Export, plain(export)) == export


def test_variants_of_plugins_are_left_to_the_registry() -> None:
    assert read(Export, {"variants": ["float32", "mine"]}).variants == ("float32", "mine")


@pytest.mark.parametrize(
    ("mapping", "key", "text"),
    [
        ({"variants": []}, ".variants", "is empty: name at least one, e.g. float32"),
        ({"variants": ["int8", "int8"]}, ".variants", "names one twice: int8, int8"),
        ({"calibration_samples": 0}, ".calibration_samples", "is 0, but must be at least 1"),
        ({"calibration_samples": 0.5}, ".calibration_samples", "is 0.5, but must be a whole number"),
        ({"dense": "yes"}, ".dense", "is 'yes', but must be true or false"),
        (
            {"varants": ["int8"]},
            ".varants",
            "is unknown. Did you mean 'variants'? Known: variants, calibration_samples, dense",
        ),
    ],
)
def test_what_an_export_cannot_be_is_told(mapping: dict[str, Any], key: str, text: str) -> None:
    assert told(Export, mapping) == [(key, text)]


def test_a_budget_is_read_back_as_it_was() -> None:
    budget = Budget("int8", max_bytes=100_000, max_accuracy_drop=0.01, min_accuracy=0.98)
    assert (
        read(
            Budget,
            {"variant": "int8", "max_bytes": 1e5, "max_accuracy_drop": 0.01, "min_accuracy": 0.98},
        )
        == budget
    )
    assert plain(budget) == {
        "variant": "int8",
        "max_bytes": 100_000,
        "max_accuracy_drop": 0.01,
        "min_accuracy": 0.98,
    }
    assert read(Budget, plain(budget)) == budget
    partly = Budget("int8", max_bytes=1)
    assert read(Budget, plain(partly)) == partly


@pytest.mark.parametrize(
    ("mapping", "key", "text"),
    [
        (
            {"variant": "int8"},
            ".variant",
            "has no limit beside it: give max_bytes, max_accuracy_drop or min_accuracy",
        ),
        ({"variant": "int8", "max_bytes": 0}, ".max_bytes", "is 0, but must be at least 1"),
        (
            {"variant": "int8", "max_accuracy_drop": -0.1},
            ".max_accuracy_drop",
            "is -0.1, but must be in [0, 1]",
        ),
        (
            {"variant": "int8", "min_accuracy": 98},
            ".min_accuracy",
            "is 98, but must be in [0, 1]; 98 % is 0.98",
        ),
        (
            {"variant": "int8", "max_byte": 10},
            ".max_byte",
            "is unknown. Did you mean 'max_bytes'? Known: variant, max_bytes, max_accuracy_drop,"
            " min_accuracy",
        ),
    ],
)
def test_what_a_budget_cannot_be_is_told(mapping: dict[str, Any], key: str, text: str) -> None:
    assert told(Budget, mapping) == [(key, text)]


def test_a_budget_is_for_a_file_that_is_exported() -> None:
    export = Export(("float32", "int8_sparse"))
    assert Budget(max_bytes=1).unmet_by(export) == {
        "variant": "is missing: name the file that is meant, of recipe.export.variants (float32, int8_sparse)"
    }
    assert Budget("float32", max_bytes=1).unmet_by(export) == {}
    assert Budget("int8_spares", max_bytes=1).unmet_by(export) == {
        "variant": "is 'int8_spares', which export.variants (float32, int8_sparse) does not name."
        " Did you mean 'int8_sparse'?"
    }
    assert Budget("mine", max_bytes=1).unmet_by(export) == {
        "variant": "is 'mine', which export.variants (float32, int8_sparse) does not name"
    }


def test_only_limits_on_accuracy_need_classes() -> None:
    assert not Budget("int8", max_bytes=1).judges_accuracy
    assert Budget("int8", min_accuracy=0.5).judges_accuracy
    assert Budget("int8", max_accuracy_drop=0.5).judges_accuracy
