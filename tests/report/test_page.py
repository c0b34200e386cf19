from pathlib import Path

import pytest

from runner.report import page
from runner.report.page import Grid, Picture, page_environment


def test_a_picture_is_embedded_whole(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")

    assert Picture(tmp_path / "a.png", "").embedded == "data:image/png;base64,iVBORw=="


def test_a_grid_refuses_a_line_of_another_length() -> None:
    with pytest.raises(ValueError, match="a line of 1 cells under 2 heads"):
        Grid(("a", "b"), [("1", "2"), ("1",)])


def test_pages_escape_and_text_does_not(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("{{ name }}\n", encoding="utf-8")

    html, text = (page_environment(tmp_path, html=html).get_template("t.j2") for html in (True, False))

    assert html.render(name="<i>") == "&lt;i&gt;\n"
    assert text.render(name="<i>") == "<i>\n"


def test_the_shared_parts_are_found_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text(
        '{% from "page_parts.html.j2" import table %}{{ table(grid) }}{% include "page.css.j2" %}',
        encoding="utf-8",
    )

    page = page_environment(tmp_path, html=True).get_template("t.j2").render(grid=Grid(("h<",), [("c&",)]))

    assert '<th class="text">h&lt;</th>' in page
    assert '<td class="text">c&amp;</td>' in page
    assert "@media print" in page


@pytest.mark.parametrize(("rows", "folded"), [(15, False), (16, True)])
def test_the_numbers_of_a_picture_stand_below_it_and_many_behind_a_fold(
    rows: int, folded: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"a picture")
    grid = Grid(("level", "score"), [(f"<{number}>", "0.5") for number in range(rows)])
    environment = page_environment(tmp_path, html=True)
    template = environment.from_string('{% from "page_parts.html.j2" import figure %}{{ figure(picture) }}')
    text = template.render(picture=Picture(path, "What it shows.", grid=grid))
    assert text.index("</figure>") < text.index("<table>") < text.index("&lt;14&gt;")
    assert ("<details>" in text) is folded
    assert "<table>" not in template.render(picture=Picture(path, "What it shows."))


def test_pictures_fit_a_telephone_and_wide_tables_scroll() -> None:
    style = (Path(page.__file__).parent / "page.css.j2").read_text()
    assert "figure img { box-sizing: border-box;" in style
    assert "max-width: none; width:" not in style
    assert "overflow-x: auto" in style
