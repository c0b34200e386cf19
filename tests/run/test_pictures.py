from pathlib import Path
from types import SimpleNamespace
from typing import Any

from runner.export.measure import Exported
from runner.run.pictures import MOST_MASKS, chosen_weights, pictured_file


def test_of_many_tensors_those_with_the_most_zeros_are_drawn() -> None:
    weights: Any = [SimpleNamespace(planned_zeros=zeros) for zeros in (5, 100, *range(10, 22))]

    drawn, rest = chosen_weights(weights)

    assert len(drawn) == MOST_MASKS == 12
    assert [weight.planned_zeros for weight in drawn] == [100, *range(11, 22)]
    assert [weight.planned_zeros for weight in rest] == [5, 10]


def file(variant: str, loads: bool = True) -> Exported:
    return Exported(variant, Path(variant), None, None, loads=loads, error=None if loads else "damaged")


def test_the_plain_file_is_pictured_or_else_the_first_that_loads() -> None:
    broken, half, plain = file("int8", loads=False), file("float16"), file("float32")

    assert pictured_file([broken, half, plain]) is plain
    assert pictured_file([broken, half]) is half
    assert pictured_file([broken]) is None
