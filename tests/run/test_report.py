"""What a run prints and draws, and the report of a run that prunes well and misses its budget."""

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from runner.export.measure import Exported
from runner.process.errors import RunFailed
from runner.recipe.recipe import Recipe
from runner.report.mask_plots import mask_figure
from runner.report.stored_mask import StoredMask
from runner.run.experiment import run_experiment
from runner.run.report import MOST_MASKS, beside_dense, chosen_weights, pictured_file
from runner.settings import RunSettings
from runner.tflite.flatbuffer import read_constants
from tests.report.test_run_page import SECTIONS, Tags

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")

RECIPE = {
    "description": "two <b>convolutions</b>",
    "data": {"name": "random", "input_shape": [2, 32, 2], "target_shape": [2, 8, 8], "samples": 64},
    "model": {"name": "two_conv", "filters": 8},
    "training": {"epochs": 1, "batch_size": 32},
    "layers": {"convolutions": {"targets": "*", "types": ["Conv2D"], "m_by_n": "2x4"}},
    "export": {"variants": ["float16", "float32"]},
    "budget": {"variant": "float16", "max_bytes": 10},
}


@pytest.fixture(scope="module")
def drawn() -> list[StoredMask]:
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, drawn: list[StoredMask]) -> Path:
    def draw(mask: StoredMask) -> Figure:
        drawn.append(mask)
        return mask_figure(mask)

    outputs = tmp_path_factory.mktemp("outputs")
    recipe = Recipe.from_mapping(RECIPE, name="mine", source="here")
    settings = RunSettings(outputs=outputs, argv=("runner", "tracking.uri=http://me:secret@host"), seed=5)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()):
        patch.setattr("runner.run.report.mask_figure", draw)
        with pytest.raises(RunFailed):
            run_experiment(recipe, settings)
    [folder] = (outputs / "runs").iterdir()
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> Tags:
    return Tags((folder / "report.html").read_text(encoding="utf-8"))


def test_the_masks_are_the_zeros_of_the_float32_file(folder: Path, drawn: list[StoredMask]) -> None:
    shapes = {mask.title: mask.zeros.shape for mask in drawn}
    assert shapes == {"conv_1": (8, 16), "conv_2": (8, 64)}
    for mask in drawn:
        stored = [
            constant.values.reshape(mask.zeros.shape) == 0
            for constant in read_constants(folder / "model_float32.tflite")
            if constant.values.size == mask.zeros.size and constant.values.ndim == 4
        ]
        assert any(np.array_equal(mask.zeros, zeros) for zeros in stored)
        assert mask.zeros.sum() == mask.zeros.size // 2
        assert mask.groups.size == (1, 4)
        assert mask.before.size == mask.zeros.size
        assert mask.after.size == mask.zeros.size // 2


def test_every_picture_is_in_the_folder_and_in_the_page(folder: Path, page: Tags) -> None:
    names = sorted(path.name for path in (folder / "plots").iterdir())

    assert names == ["masks_conv_1.png", "masks_conv_2.png", "sparsity.png", "training.png"]
    assert len(page.sources) == 4
    assert imread(folder / "plots" / "masks_conv_2.png").shape[1] == 864


def test_the_page_tells_the_failure_first_and_all_the_rest(page: Tags) -> None:
    texts = page.texts

    assert page.sections == SECTIONS
    assert page.links == []
    at = texts.index("This run FAILED.")
    assert texts[at + 1] == "The budget was not kept:"
    assert texts[at + 2].endswith("bytes, budget.max_bytes allows 10")
    for told in (
        "mine, seed 5",
        "mine: two <b>convolutions</b>",
        "convolutions",
        "1x8x2x8",
        "model_float32.tflite",
        "float16: max_bytes 10",
    ):
        assert any(told in text for text in texts), told
    answer = texts[at + 3]
    assert answer.startswith(
        "Target: reached. All 320 planned zeros are zero, 50.00% of the pruned tensors, at all 5"
    )
    assert "Cost: not known." in answer


def test_a_password_is_not_shown(page: Tags) -> None:
    assert "runner tracking.uri=http://me:***@host" in page.texts
    assert not any("secret" in text for text in page.texts)


@pytest.mark.parametrize(
    ("dense", "scores", "words"),
    [
        ({"loss": 174.0}, {"loss": 38.5}, "; dense loss 174.0000, fall 135.5000"),
        ({"loss": 1.0}, {"loss": 1.5}, "; dense loss 1.0000, rise 0.5000"),
        ({"loss": 1.0}, {"loss": 1.0}, "; dense loss 1.0000, rise 0.0000"),
        ({"loss": 1.0, "accuracy": 0.9}, {"loss": 1.0, "accuracy": 0.85}, "; dense 0.9000, drop 0.0500"),
        ({"loss": 1.0, "accuracy": 0.85}, {"loss": 1.0, "accuracy": 0.9}, "; dense 0.8500, rise 0.0500"),
        (None, {"loss": 1.0}, ""),
    ],
)
def test_a_change_is_told_by_its_direction(
    dense: Mapping[str, float] | None, scores: Mapping[str, float], words: str
) -> None:
    assert beside_dense(dense, scores) == words


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
