from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from runner.export.budget import BudgetResult, Reference
from runner.plan import Plan
from runner.pruning.macs import Macs
from runner.recipe.export_settings import Budget
from runner.report.page import Picture
from runner.report.parts import ModelSize
from runner.report.run_page import write_run_page
from runner.verify import SparsityCheck
from tests.report.made_run import ADVICE, FILE, PLAN, RECIPE, WEIGHT, made_run, row, samples

SECTIONS = [
    "What was asked",
    "What was planned",
    "What was measured",
    "What to make of it",
    "How it was made",
]


class Tags(HTMLParser):
    """Collects what a page is made of, and that its tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sections: list[str] = []
        self.sources: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        values = {name: value or "" for name, value in attributes}
        self.sources += [values[name] for name in ("src", "srcset") if name in values]
        self.links += [values["href"]] if "href" in values else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if self.open and self.open[-1] == "h2":
            self.sections.append(text)
        if text.strip():
            self.texts.append(" ".join(text.split()))


BUDGET = Budget("float32", max_bytes=1000, max_accuracy_drop=0.1)


def read(folder: Path, **parts: Any) -> Tags:
    """Writes the page of a run and reads it."""
    Figure(figsize=(1, 1)).savefig(folder / "a.png")
    (folder / "recipe.yaml").write_text("layers: {a: '<b>'}\n")
    run = made_run(folder, **parts)
    pictures = [Picture(folder / "a.png", "loss <falls>")], [Picture(folder / "a.png", "mask of a/b")]
    write_run_page(run, *pictures, "from the bytes")
    return Tags((folder / "report.html").read_text(encoding="utf-8"))


def test_the_page_is_one_file_from_question_to_making(tmp_path: Path) -> None:
    advice = replace(ADVICE, benchmark="adb push a && adb shell")
    tags = read(tmp_path, exports={"advice": {"float32": advice}})

    assert tags.sections == SECTIONS
    assert len(tags.sources) == 2
    assert all(source.startswith("data:image/png;base64,iVBOR") for source in tags.sources)
    assert tags.links == []
    assert "url(" not in (tmp_path / "report.html").read_text()
    for words in (
        "mine, seed 3",
        "750",
        "0.9000",
        "Runs on: everywhere",
        "adb push a && adb shell",
        "from the bytes",
        "mask of a/b",
        "abc",
        "runner recipe=mine",
    ):
        assert words in tags.texts
    assert any(text.endswith("data made; MLflow run cafe") for text in tags.texts)
    assert any(text.startswith("Target: reached. All 750 planned zeros") for text in tags.texts)
    assert any(text.startswith("One seed is one draw") for text in tags.texts)
    assert "This run FAILED." not in tags.texts
    assert not any("which was not measured" in text for text in tags.texts)


def pairs(tags: Tags) -> dict[str, str]:
    return dict(zip(tags.texts, tags.texts[1:], strict=False))


def test_the_scores_and_the_size_are_told(tmp_path: Path) -> None:
    told = pairs(read(tmp_path))
    assert (told["test accuracy"], told["test loss"]) == ("0.9000", "0.3000")
    assert told["dense weights"] == "accuracy 0.9500, trained before the run"
    assert told["sparsity, whole model"] == "50.00%; 750 of 1,500 weights are not zero"
    assert told["multiply-accumulates"] == "not counted: no layer is known"
    assert told["model.keras, gzipped"] == "4,000 bytes"
    assert told["sparsity check"] == "passed"

    counted = ModelSize(1500, 750, Macs(2000, 1000), "", 4000)
    told = pairs(read(tmp_path, proof={"size": counted}, exports={"dense_scores": {"loss": 0.2}}))
    assert told["multiply-accumulates"] == "2,000 for one sample; 1,000 with weights that are not zero"
    assert told["dense weights"] == "loss 0.2000, trained before the run"


def test_what_was_asked_is_told(tmp_path: Path) -> None:
    recipe = replace(RECIPE, description="half of it", budget=BUDGET)
    told = pairs(read(tmp_path, recipe=recipe, data=replace(samples(10), note="noise", requested="other")))
    assert told["recipe"] == "mine: half of it"
    assert told["data"] == "made: 9 samples to train on, 0 to validate, 10 to test; noise"
    assert told["model"] == "two_conv: 1,500 weights"
    assert told["training"].startswith("1 epoch of 100 steps, batches of 100; adam")
    assert told["budget"] == "float32: max_bytes 1,000, max_accuracy_drop 0.1"
    assert told["not asked"] == "the recipe names other; made stands in for it"


def test_a_budget_is_told_with_what_was_reached(tmp_path: Path) -> None:
    verdict = BudgetResult(BUDGET, 900, 0.9, Reference(0.95, "the dense model"), ())
    told = pairs(read(tmp_path, exports={"budget": verdict}))
    assert told["reached"] == "900 bytes, accuracy 0.9000; the dense model: 0.9500"
    assert told["verdict"] == "kept"
    missed = BudgetResult(BUDGET, None, None, None, ("float32: does not run",))
    told = pairs(read(tmp_path, exports={"budget": missed}))
    assert told["reached"] == "no file, no accuracy"
    assert told["verdict"] == "MISSED: float32: does not run"


def test_names_are_text_whatever_they_hold(tmp_path: Path) -> None:
    plan = replace(PLAN, rows=(replace(WEIGHT, layer="a <b>layer</b>"),), warnings=("beware of <x>",))
    texts = read(tmp_path, recipe=replace(RECIPE, name="mine <i>"), prepared={"plan": plan}).texts

    for name in (
        "mine <i>, seed 3",
        "a <b>layer</b>",
        "loss <falls>",
        "beware of <x>",
        "layers: {a: '<b>'}",
    ):
        assert name in texts


def test_a_failure_stands_on_top(tmp_path: Path) -> None:
    broken = [replace(FILE, variant="int8", loads=False, error="no <operator>"), FILE]
    advice = {"int8": ADVICE, "float32": ADVICE}
    texts = read(tmp_path, exports={"files": broken, "advice": advice}).texts

    at = texts.index("This run FAILED.")
    heading = "These TFLite files could not be made, or do not run:"
    assert texts[at + 1 : at + 3] == [heading, "int8: no <operator>"]
    assert texts[at + 3].startswith("Target: reached.")
    assert at < texts.index("What was asked")


def test_a_run_that_prunes_nothing_has_no_check(tmp_path: Path) -> None:
    plan = Plan((replace(WEIGHT, structure=None, schedule=None),), (), 100, 100)
    empty = {"plan": plan}
    texts = read(tmp_path, prepared=empty, proof={"rows": []}, exports={"check": SparsityCheck(())}).texts
    assert "No weight is pruned, so there was nothing to check." in texts
    assert "Budget" not in texts


def test_without_a_dense_file_the_page_says_that_none_was_measured(tmp_path: Path) -> None:
    texts = read(tmp_path, exports={"dense": [], "check": SparsityCheck((row("tflite_float32"),))}).texts
    assert any("the dense float32 file, which was not measured" in text for text in texts)
