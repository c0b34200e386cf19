from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from runner.compare import comparison_page
from runner.compare.answer import answer, details
from runner.compare.comparison import Comparison, compare
from runner.compare.comparison_page import ComparisonSource, question, refusals, sheets, write_html
from runner.report.page import Picture
from tests.compare.made_results import SHA, errors, failed, groups, result, results, swept

ORIGIN = ComparisonSource(
    title="sweep <b>|1",
    store="sqlite:////out/mlflow.db",
    experiment="my_experiment",
    made=datetime(2025, 1, 31, 12, 5),
    command="python -m runner.compare outputs/sweeps/1 --where 'a == <b>'",
)


class Tags(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)
        values = {name: value or "" for name, value in attributes}
        self.sources += [values[name] for name in ("src", "srcset") if name in values]
        self.links += [values["href"]] if "href" in values else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.text += " "

    def handle_data(self, text: str) -> None:
        self.text += text


def read(path: Path) -> Tags:
    page = Tags()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert page.open == []
    page.text = " ".join(page.text.split())
    return page


def two_recipes(*notes: str) -> Comparison:
    files = {"model/keras_gzip_bytes": 3000, "tflite_int8/accuracy": 0.5, "tflite_int8/gzip_bytes": 1000}
    first = results("study/<i>a|b</i>", [0.980, 0.981, 0.982], metrics=files)
    return compare(groups(first, results("study/c", [0.983, 0.985, 0.985])), notes)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Picture]:
    (tmp_path / "plots").mkdir()
    Figure(figsize=(1, 1)).savefig(tmp_path / "plots" / "a.png")
    return [Picture(tmp_path / "plots" / "a.png", "What <it> shows.")]


def test_the_page_is_one_file_with_all_there_is_to_say(tmp_path: Path, pictures: list[Picture]) -> None:
    comparison = two_recipes("job 3 failed")
    write_html(comparison, ORIGIN, pictures, tmp_path / "comparison.html")
    page = read(tmp_path / "comparison.html")
    assert len(page.sources) == 1
    assert page.sources[0].startswith("data:image/png;base64,iVBOR")
    assert page.links == []
    assert page.text.count(answer(comparison)) == 1
    for told in (
        "Which is better in test accuracy: <i>a|b</i> or c?",
        "sweep <b>|1: 6 runs in 2 groups on mnist; 2025-01-31 12:05",
        "job 3 failed",
        "What <it> shows.",
        "c - <i>a|b</i> +0.0033 +0.0019 to +0.0048 0.0099 3 c ",
        details(comparison)[0],
        "<i>a|b</i> 1 0.9800",
        "mean 0.9810 ± 0.0025",
        "study/<i>a|b</i>",
        "experiment my_experiment in sqlite:////out/mlflow.db by python -m runner.compare outputs/sweeps/1"
        " --where 'a == <b>'",
        "at most 2% apart",
    ):
        assert told in page.text


def test_the_page_is_dark_on_white_and_prints(tmp_path: Path) -> None:
    write_html(two_recipes(), ORIGIN, [], tmp_path / "a.html")
    style = (tmp_path / "a.html").read_text()
    assert "background: #fff; color: #1a1a1a" in style
    assert "@media print" in style
    assert "<script" not in style


def test_the_page_tells_the_answer_before_anything_else(tmp_path: Path, pictures: list[Picture]) -> None:
    dense = results("study/dense", [0.99, 0.991], metrics={"model/nonzero_weights": 4e5})
    comparison = compare(groups(results("study/a", [0.98, 0.981]), results("study/b", [0.983, 0.985]), dense))
    write_html(comparison, ORIGIN, pictures, tmp_path / "a.html")
    text = read(tmp_path / "a.html").text
    order = [
        question(comparison),
        answer(comparison),
        "What <it> shows.",
        "Differences in test accuracy",
        "What it rests on",
        "What was not ranked",
        "How it was made",
        "Every number",
        "What was run",
    ]
    places = [text.index(part, 100 if number else 0) for number, part in enumerate(order)]
    assert places == sorted(places)
    assert refusals(comparison)[0] in text


def test_the_question_names_the_choice_and_what_it_is_asked_along() -> None:
    schedule, sparsity = "layers.all.schedule.name", "layers.all.schedule.sparsity"
    scores = {(n, s): [0.9, 0.91] for n in ("constant", "polynomial") for s in (0.5, 0.9)}
    made = compare(swept({schedule: (), sparsity: ()}, scores))
    assert (
        question(made) == "Which is better in test accuracy along schedule.sparsity: constant or polynomial?"
    )
    only = compare(swept({sparsity: ()}, {(s,): [0.9, 0.91] for s in (0.5, 0.9)}))
    assert question(only) == "What does test accuracy do along schedule.sparsity?"
    five = compare(groups(*(results(name, [0.9, 0.91]) for name in "abcde")))
    assert question(five) == "Which is better in test accuracy: which of 5 recipes?"


def test_the_question_and_the_answer_are_about_one_factor() -> None:
    optimizer, schedule = "training.optimizer.name", "layers.all.schedule.name"
    noise = (0.0, 0.001, -0.001, 0.0005)
    scores = {
        (o, n): [0.9 + (0.05 if n == "polynomial" else 0.0) + factor * shift for shift in noise]
        for (o, n), factor in {
            ("adam", "constant"): 1,
            ("adam", "polynomial"): -1,
            ("sgd", "constant"): 2,
            ("sgd", "polynomial"): 1,
        }.items()
    }
    grouped = swept({optimizer: (), schedule: ()}, scores)
    made = compare(grouped)
    assert question(made) == "Which is better in test accuracy: constant or polynomial?"
    assert answer(made).startswith("polynomial is better than constant:")
    asked = compare(grouped, by=grouped.factors[0])
    assert question(asked) == "Which is better in test accuracy: adam or sgd?"
    assert answer(asked).startswith("No difference between adam and sgd is shown:")


def test_quantities_are_parted_into_tables_that_fit_a_page() -> None:
    parted = {sheet.title: sheet.heads for sheet in sheets(two_recipes())}
    assert parted == {
        "Models: scores": ("accuracy", "loss"),
        "Models: sparsity and size": (
            "sparsity",
            "non-zero weights",
            "weights",
            "training steps",
            "Keras file gzipped",
        ),
        "TFLite files: int8": ("accuracy", "gzipped"),
    }


def test_of_many_runs_the_pages_have_the_means(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(sheets(two_recipes())[0].rows) == 8
    monkeypatch.setattr(comparison_page, "MOST_RUNS", 5)
    assert [row.label for row in sheets(two_recipes())[0].rows] == ["mean", "mean"]


def test_who_failed_is_named(tmp_path: Path) -> None:
    sizes = {"model/keras_gzip_bytes": 3000}
    digits = {"data_source": "digits", "data_sha256": SHA["digits"]}
    first = [*results("a", [0.980, 0.981, 0.982], metrics=sizes), result("a", 4, 0.983, metrics=sizes)]
    second = [*results("b", [0.983, 0.985, 0.985], metrics=sizes), failed("b", 4)]
    comparison = compare(groups(first, second, errors("c", [2.0, 2.5], metrics=sizes, **digits)))
    write_html(comparison, ORIGIN, [], tmp_path / "a.html")
    page = read(tmp_path / "a.html").text
    for told in (
        "b - a +0.0033 +0.0019 to +0.0048 0.0099 3 left open",
        "b has no result at seed 4 (the loss became nan)",
    ):
        assert told in page


def test_one_recipe_has_a_page_too(tmp_path: Path) -> None:
    comparison = compare(groups(results("a", [0.5])))
    write_html(comparison, ORIGIN, [], tmp_path / "a.html")
    page = read(tmp_path / "a.html")
    assert "1 run in 1 group on mnist" in page.text
    assert "Nothing is ranked: there is only one recipe, a." in page.text
    assert "Differences in" not in page.text


def test_of_many_pairs_the_page_shows_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_page, "MOST_PAIRS", 2)
    comparison = compare(groups(*(results(name, [0.98, 0.981, 0.982]) for name in "abc")))
    write_html(comparison, ORIGIN, [], tmp_path / "comparison.html")
    page = read(tmp_path / "comparison.html")
    assert "b - a +0.0000" in page.text
    assert "c - b +0.0000" not in page.text
    assert "The first 2 of 3 pairs; comparison_differences.csv has all." in page.text
    write_html(two_recipes(), ORIGIN, [], tmp_path / "comparison.html")
    assert "The first" not in read(tmp_path / "comparison.html").text
