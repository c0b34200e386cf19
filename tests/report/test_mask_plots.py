from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from runner.report.mask_plots import mask_figure
from runner.report.palette import DOTS_PER_INCH
from runner.report.stored_mask import Groups, StoredMask


def made(rows: int, columns: int, title: str = "conv", pattern: str = "2:4 (2 of 4 zero)") -> StoredMask:
    rng = np.random.default_rng(0)
    zeros = rng.random((rows, columns)) < 0.5
    before = rng.normal(size=rows * columns).astype(np.float32)
    return StoredMask(
        title=title,
        pattern=pattern,
        rows="outputs",
        columns="inputs at each place of the window",
        zeros=zeros,
        before=before,
        after=before[~zeros.ravel()],
        after_from="in the file",
        groups=Groups(columns=np.arange(4, columns, 4), size=(1, 4)),
    )


def titles(figure: Figure) -> list[str]:
    return [axis.get_title(loc="left") for axis in figure.axes if axis.get_title(loc="left")]


def test_the_corner_is_the_mask_of_the_file_with_its_group_lines() -> None:
    mask = made(30, 50)
    corner = mask_figure(mask).axes[0]

    np.testing.assert_array_equal(corner.images[0].get_array(), mask.zeros[:24, :24])
    groups = corner.collections[-1]
    assert [np.asarray(path.vertices)[0, 0] for path in groups.get_paths()] == [3.5, 7.5, 11.5, 15.5, 19.5]


def test_the_whole_is_shown_beside_it() -> None:
    mask = made(30, 50)
    figure = mask_figure(mask)
    whole = figure.axes[2]

    np.testing.assert_array_equal(whole.images[0].get_array(), 1.0 - mask.zeros)
    zeros = int(mask.zeros.sum())
    assert titles(figure) == [
        "first 24 x 24 (blue: kept, pale: zero, line: group)",
        f"weights; zeros: {zeros} of 1,500",
        "all 30 x 50, weight by weight",
    ]


def test_a_tensor_no_larger_than_the_corner_is_shown_once() -> None:
    figure = mask_figure(made(1, 9))

    assert len(figure.axes) == 2
    assert titles(figure)[0] == "the whole tensor (blue: kept, pale: zero, line: group)"


def test_the_histogram_counts_all_weights_before_and_those_left_after() -> None:
    mask = made(30, 50)
    after, before = mask_figure(mask).axes[1].patches

    assert (after.get_label(), before.get_label()) == ("after, but zeros", "at the start of pruning")
    assert after.get_data().values.sum() == np.count_nonzero(~mask.zeros)  # type: ignore[attr-defined]
    assert before.get_data().values.sum() == 1500  # type: ignore[attr-defined]


def test_weights_that_are_all_the_same_or_gone_are_drawn() -> None:
    mask = made(4, 4)
    same = np.full(16, 0.25, np.float32)
    gone = StoredMask(**{**vars(mask), "before": same, "after": same[:0], "zeros": np.ones((4, 4), bool)})

    assert mask_figure(gone).axes[1].get_xlim()[0] < 0.25 < mask_figure(gone).axes[1].get_xlim()[1]


@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 9), (6, 8), (10, 1024), (32, 25), (256, 2304), (3000, 10), (200, 1)]
)
def test_nothing_overlaps_or_is_cut_off(rows: int, columns: int) -> None:
    figure = mask_figure(made(rows, columns, title="block_12_expand_and_project/" * 4))

    figure.draw_without_rendering()

    panels = figure.axes[:3]
    headings = [axis._left_title.get_window_extent() for axis in panels]  # type: ignore[attr-defined]
    boxes = [
        *headings,
        *(axis.get_window_extent() for axis in figure.axes),
        figure.texts[0].get_window_extent(),
    ]
    assert not any(one.overlaps(other) for one in boxes for other in boxes if one is not other)
    labels = [axis.xaxis.label.get_window_extent() for axis in panels]
    labels += [axis.yaxis.label.get_window_extent() for axis in panels[::2]]
    inside = figure.bbox
    for box in [*boxes, *labels]:
        assert box.x0 >= inside.x0
        assert box.x1 <= inside.x1
        assert box.y0 >= inside.y0
        assert box.y1 <= inside.y1


def test_a_long_name_leaves_room_for_the_pattern() -> None:
    figure = mask_figure(made(4, 4, title="outer/" + "x" * 100 + "/kernel"))
    text = figure.texts[0].get_text()

    assert text.startswith("outer/xxx")
    assert text.endswith("xx/kernel: 2:4 (2 of 4 zero)")
    assert len(text) < 66


def test_a_name_is_no_formula(tmp_path: Path) -> None:
    mask_figure(made(4, 4, title="cost_$x^{")).savefig(tmp_path / "m.png", dpi=DOTS_PER_INCH)

    assert imread(tmp_path / "m.png").shape[1] == 864
