import re
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from runner.compare import document
from runner.compare.comparison import Comparison, compare
from runner.compare.document import Origin, sheets, write_html, write_markdown
from runner.compare.verdict import answer, sentence
from runner.report.page import Picture
from tests.compare.made_results import SHA, errors, failed, groups, result, results

ORIGIN = Origin(
    title="sweep <b>|1",
    store="sqlite:////out/mlflow.db",
    experiment="my_experiment",
    made=datetime(2025, 1, 31, 12, 5),
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
        "Comparison: sweep <b>|1",
        "6 runs of 2 recipes on mnist; ranked by test accuracy; 2025-01-31 12:05",
        "job 3 failed",
        "What <it> shows.",
        "c - <i>a|b</i> +0.0033 +0.0019 to +0.0048 3 0.0099 0.0099 c is better",
        "<i>a|b</i> int8 TFLite 1,000 0.5000",
        "<i>a|b</i> 1 0.9800",
        "mean 0.9810 ± 0.0025",
        "study/<i>a|b</i>",
        "experiment my_experiment in sqlite:////out/mlflow.db",
        "at most 2% apart",
    ):
        assert told in page.text


def test_the_page_is_dark_on_white_and_prints(tmp_path: Path) -> None:
    write_html(two_recipes(), ORIGIN, [], tmp_path / "a.html")
    style = (tmp_path / "a.html").read_text()
    assert "background: #fff; color: #1a1a1a" in style
    assert "@media print" in style
    assert "<script" not in style


def test_markdown_tables_have_as_many_cells_as_heads(tmp_path: Path, pictures: list[Picture]) -> None:
    comparison = two_recipes("a note")
    write_markdown(comparison, ORIGIN, pictures, tmp_path / "comparison.md")
    text = (tmp_path / "comparison.md").read_text(encoding="utf-8")
    tables = re.findall(r"(?:^\|.*\n)+", text, re.M)
    assert len(tables) == 6
    for table in tables:
        lines = table.splitlines()
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
        assert len(cells) == 1, table
        assert len(lines) > 2
        assert re.fullmatch(r"\|[-:|]+\|", lines[1])
    assert "![What \\<it> shows.](plots/a.png)" in text
    assert "# Comparison: sweep \\<b>\\|1" in text
    assert "> a note" in text
    told = sentence(comparison.pairs[0], comparison).replace("<i>a|b</i>", "\\<i>a\\|b\\</i>")
    assert f"**{told}**" in text


def test_several_pairs_have_a_sentence_each(tmp_path: Path) -> None:
    comparison = compare(groups(*(results(name, [0.98, 0.99]) for name in "abc")))
    write_markdown(comparison, ORIGIN, [], tmp_path / "a.md")
    write_html(comparison, ORIGIN, [], tmp_path / "a.html")
    lines = (tmp_path / "a.md").read_text(encoding="utf-8").splitlines()
    for pair in comparison.pairs:
        assert f"- {sentence(pair, comparison)}" in lines
        assert sentence(pair, comparison) in read(tmp_path / "a.html").text


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
    monkeypatch.setattr(document, "MOST_RUNS", 5)
    assert [row.label for row in sheets(two_recipes())[0].rows] == ["mean", "mean"]


def test_two_data_sets_have_a_front_each_and_who_failed_is_named(tmp_path: Path) -> None:
    sizes = {"model/keras_gzip_bytes": 3000}
    digits = {"data_source": "digits", "data_sha256": SHA["digits"]}
    first = [*results("a", [0.980, 0.981, 0.982], metrics=sizes), result("a", 4, 0.983, metrics=sizes)]
    second = [*results("b", [0.983, 0.985, 0.985], metrics=sizes), failed("b", 4)]
    comparison = compare(groups(first, second, errors("c", [2.0, 2.5], metrics=sizes, **digits)))
    write_html(comparison, ORIGIN, [], tmp_path / "a.html")
    write_markdown(comparison, ORIGIN, [], tmp_path / "a.md")
    page = read(tmp_path / "a.html").text
    for told in (
        "ranked by test accuracy, test mean squared error;",
        "b - a +0.0033 +0.0019 to +0.0048 3 0.0099 0.0099 left open: failed runs of b",
        "mnist: test accuracy recipe file gzipped bytes test accuracy b Keras file 3,000",
        "digits: test mean squared error recipe file gzipped bytes test mean squared error c Keras file 3,",
    ):
        assert told in page
    text = (tmp_path / "a.md").read_text(encoding="utf-8")
    assert "### mnist: test accuracy\n\n| recipe | file | gzipped bytes | test accuracy |" in text
    assert "### digits: test mean squared error\n\n| recipe |" in text


def test_one_recipe_has_a_page_too(tmp_path: Path) -> None:
    comparison = compare(groups(results("a", [0.5])))
    write_html(comparison, ORIGIN, [], tmp_path / "a.html")
    page = read(tmp_path / "a.html")
    assert "1 run of 1 recipe on mnist" in page.text
    assert "Nothing is ranked: there is only one recipe, a." in page.text
    assert "Pair by pair" not in page.text
    write_markdown(comparison, ORIGIN, [], tmp_path / "a.md")
    assert "Pair by pair" not in (tmp_path / "a.md").read_text()
