from typing import Any

import pytest

from runner.recipe.export import (
    Budget,
    Export,
    plain_budget,
    plain_export,
    read_budget,
    read_export,
)
from runner.recipe.section import Problem, Section


def told(reader: Any, mapping: dict[str, Any]) -> list[tuple[str, str]]:
    problems: list[Problem] = []
    assert reader(Section(mapping, "recipe.part", problems)) is None
    return [(key.removeprefix("recipe.part"), text) for key, text in problems]


def read(reader: Any, mapping: dict[str, Any] | None) -> Any:
    problems: list[Problem] = []
    found = reader(Section(mapping, "recipe.part", problems))
    assert problems == []
    return found


def test_an_export_has_defaults() -> None:
    assert read(read_export, None) == Export(("float32",), calibration_samples=128, dense=True)


def test_an_export_is_read_back_as_it_was() -> None:
    export = Export(("int8", "float16"), calibration_samples=7, dense=False)
    assert read(read_export, plain_export(export)) == export


def test_variants_of_plugins_are_left_to_the_registry() -> None:
    assert read(read_export, {"variants": ["float32", "mine"]}).variants == ("float32", "mine")


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
    assert told(read_export, mapping) == [(key, text)]


def test_no_budget_is_none() -> None:
    assert read(read_budget, None) is None
    assert read(read_budget, {}) is None
    assert plain_budget(None) is None


def test_a_budget_is_read_back_as_it_was() -> None:
    budget = Budget("int8", max_bytes=100_000, max_accuracy_drop=0.01, min_accuracy=0.98)
    assert (
        read(
            read_budget,
            {"variant": "int8", "max_bytes": 1e5, "max_accuracy_drop": 0.01, "min_accuracy": 0.98},
        )
        == budget
    )
    plain = plain_budget(budget)
    assert plain == {"variant": "int8", "max_bytes": 100_000, "max_accuracy_drop": 0.01, "min_accuracy": 0.98}
    assert read(read_budget, dict(plain)) == budget
    partly = Budget("int8", max_bytes=1)
    assert read(read_budget, dict(plain_budget(partly) or {})) == partly


@pytest.mark.parametrize(
    ("mapping", "key", "text"),
    [
        ({"max_bytes": 10}, ".variant", "is missing"),
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
            "is 98, but must be in [0, 1]; write 0.98 for 98 %",
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
    assert told(read_budget, mapping) == [(key, text)]


def test_a_budget_is_for_a_file_that_is_exported() -> None:
    export = Export(("float32", "int8_sparse"))
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
