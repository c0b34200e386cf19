"""The report of a small run that prunes well and misses its budget."""

import io
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from runner.process.errors import RunFailed
from runner.recipe.recipe import Recipe
from runner.report.mask_plots import plot_mask
from runner.report.stored_mask import StoredMask
from runner.run.experiment import run_experiment
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
    def plot(mask: StoredMask, path: Path) -> None:
        drawn.append(mask)
        plot_mask(mask, path)

    outputs = tmp_path_factory.mktemp("outputs")
    recipe = Recipe.from_mapping(RECIPE, name="mine", source="here")
    settings = RunSettings(outputs=outputs, argv=("runner", "tracking.uri=http://me:secret@host"), seed=5)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()):
        patch.setattr("runner.run.pictures.plot_mask", plot)
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
        assert mask.group == (1, 4)
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
