from html.parser import HTMLParser
from pathlib import Path

from matplotlib.figure import Figure

from runner.report.page import Grid, Picture
from runner.report.run_page import RunPage, write_run_page

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


def page(picture: Path, failures: tuple[str, ...] = ()) -> RunPage:
    grid = Grid(("head <1>", "number"), [("a <b>layer</b>", "1,234")])
    return RunPage(
        title="mine <i>, seed 3",
        subtitle="now & here",
        failures=failures,
        answer="It went well.",
        asked=[("seed", "3")],
        rules=grid,
        plan=grid,
        warnings=["beware of <x>"],
        scores=[("test accuracy", "0.9876")],
        check=grid,
        files=grid,
        dense_measured=True,
        advice=[("int8", ["a byte", "Runs on: phones"])],
        benchmarks=["adb push a && adb shell"],
        budget=[("verdict", "kept")],
        training_pictures=[Picture(picture, "loss <falls>")],
        mask_pictures=[Picture(picture, "mask of a/b")],
        masks_about="from the bytes",
        findings=["reached"],
        next_steps=["more seeds"],
        made=[("git", "abc")],
        recipe="layers: {a: '<b>'}\n",
    )


def read(tmp_path: Path, failures: tuple[str, ...] = ()) -> Tags:
    Figure(figsize=(1, 1)).savefig(tmp_path / "a.png")
    write_run_page(page(tmp_path / "a.png", failures), tmp_path / "report.html")
    return Tags((tmp_path / "report.html").read_text(encoding="utf-8"))


def test_the_page_is_one_file_from_question_to_making(tmp_path: Path) -> None:
    tags = read(tmp_path)

    assert tags.sections == SECTIONS
    assert len(tags.sources) == 2
    assert all(source.startswith("data:image/png;base64,iVBOR") for source in tags.sources)
    assert tags.links == []
    assert "url(" not in (tmp_path / "report.html").read_text()
    for told in (
        "1,234",
        "0.9876",
        "Runs on: phones",
        "adb push a && adb shell",
        "reached",
        "more seeds",
        "abc",
    ):
        assert told in tags.texts
    assert "This run FAILED." not in tags.texts


def test_names_are_text_whatever_they_hold(tmp_path: Path) -> None:
    texts = read(tmp_path).texts

    for name in ("mine <i>, seed 3", "a <b>layer</b>", "head <1>", "beware of <x>", "layers: {a: '<b>'}"):
        assert name in texts


def test_a_failure_stands_on_top(tmp_path: Path) -> None:
    texts = read(tmp_path, ("The budget was not kept:", "int8: 9 bytes")).texts

    at = texts.index("This run FAILED.")
    assert texts[at + 1 : at + 4] == ["The budget was not kept:", "int8: 9 bytes", "It went well."]
    assert at < texts.index("What was asked")


def test_a_run_that_prunes_nothing_has_no_check(tmp_path: Path) -> None:
    Figure(figsize=(1, 1)).savefig(tmp_path / "a.png")
    empty = RunPage(**{**vars(page(tmp_path / "a.png")), "check": Grid(("weight",), []), "budget": []})
    write_run_page(empty, tmp_path / "report.html")

    texts = Tags((tmp_path / "report.html").read_text(encoding="utf-8")).texts
    assert "No weight is pruned, so there was nothing to check." in texts
    assert "Budget" not in texts
