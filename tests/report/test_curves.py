import io

import pytest
from rich.console import Console

from runner.plan import Plan
from runner.plan.schedule_curve import curve_of
from runner.pruning import ConstantSparsity, PolynomialDecay, PruningSchedule
from runner.pruning.schedules import LinearSparsity
from runner.report.curves import PlanCurves, curve_words
from tests.report.planned_rules import plan

HEAD = "Schedules: each rule's masks along training, and their updates"


def drawn(of: Plan, *, width: int = 80, encoding: str = "utf-8") -> list[str]:
    raw = io.BytesIO()
    screen = Console(file=io.TextIOWrapper(raw, encoding), width=width, color_system=None)
    screen.print(PlanCurves(of))
    screen.file.flush()
    return raw.getvalue().decode(encoding).splitlines()


def test_each_rule_is_drawn_once_on_one_axis_with_its_ends() -> None:
    rules = {
        "gradual": LinearSparsity(0.0, 0.8, 10, 90, frequency=20),
        "at_once": ConstantSparsity(0.5, 0, 0),
        "control": ConstantSparsity(0.0, 0, 100, frequency=50),
    }

    assert drawn(plan(100, **rules)) == [
        HEAD,
        " gradual: LinearSparsity to 0.8, 5 updates in steps 10-90",
        "   sparsity   0 " + 14 * "_" + 10 * "▂" + 10 * "▃" + 10 * "▅" + 6 * "▆" + " 0.8",
        "   step       1 " + "    ╵         ╵         ╵         ╵         ╵     " + " 100",
        " at_once: 0.5 once, at step 1",
        "   sparsity 0.5 " + 50 * "▄" + " 0.5",
        "   step       1 ╵" + 49 * " " + " 100",
        " control: ConstantSparsity to 0, 3 updates in steps 1-100",
        "   sparsity   0 " + 50 * "_" + " 0",
        "   step       1 ╵" + 23 * " " + "╵" + 24 * " " + "╵ 100",
    ]


def test_the_smallest_sparsity_is_seen() -> None:
    [_, _, levels, _] = drawn(plan(100, low=ConstantSparsity(0.01, 51, 100)))

    assert levels == "   sparsity 0 " + 25 * "_" + 25 * "▁" + " 0.01"


def test_more_columns_than_steps() -> None:
    lines = drawn(plan(2, late=ConstantSparsity(0.9, 2, 2)))

    assert lines[1:] == [
        " late: 0.9 once, at step 2",
        "   sparsity 0 " + 25 * "_" + 25 * "▇" + " 0.9",
        "   step     1 " + 25 * " " + "╵" + 24 * " " + " 2",
    ]


@pytest.mark.parametrize("total_steps", [1, 7, 50, 1200, 100_000])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_fits_the_terminal_and_ends_at_the_final_level(total_steps: int, width: int) -> None:
    schedule = PolynomialDecay(0.0, 0.99, 0, total_steps, frequency=max(1, total_steps // 50))

    lines = drawn(plan(total_steps, a_rule_with_a_name_of_its_own=schedule), width=width)

    assert max(map(len, lines)) <= width
    levels, ticks = lines[-2:]
    assert levels.endswith("█ 0.99")
    assert ticks.endswith(f" {total_steps}")


def test_a_long_line_goes_on_indented() -> None:
    name = "block_12_expand_and_project_convolution"

    lines = drawn(plan(1200, **{name: PolynomialDecay(0.0, 0.875, 240, 900, frequency=13)}))

    assert lines[1].rstrip() == f" {name}: PolynomialDecay to 0.875, 52 updates"
    assert lines[2].rstrip() == " in steps 240-900"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_block_characters_gets_numbers(encoding: str) -> None:
    rules = {
        "gradual": PolynomialDecay(0.0, 0.875, 240, 960, frequency=24),
        "at_once": ConstantSparsity(0.5, 0, 0),
    }

    # 0.875 (1 - (1 - p) ** 3) at thirds of the window.
    assert drawn(plan(1200, **rules), encoding=encoding) == [
        HEAD,
        " gradual: PolynomialDecay to 0.875, 31 updates in steps 240-960",
        "   sparsity 0    0  0.6157  0.8426  0.875  0.875",
        "   step     1  240     480     720    960   1200",
        " at_once: 0.5 once, at step 1",
        "   sparsity 0.5   0.5",
        "   step       1  1200",
    ]


def test_a_plan_that_prunes_nothing_draws_nothing() -> None:
    assert drawn(plan(10)) == []


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (ConstantSparsity(0.5, 0, 0), "0.5 once, at step 1"),
        (ConstantSparsity(0.5, 7, 20, 5), "ConstantSparsity to 0.5, 4 updates in steps 7-20"),
        (
            ConstantSparsity(0.5, 7),
            "ConstantSparsity to 0.5, 1 update in step 7, set at the end of training",
        ),
        (
            LinearSparsity(0.0, 0.8, 0, 60, frequency=20),
            "LinearSparsity to 0.4, 2 updates in steps 1-20, set at the end of training",
        ),
        (ConstantSparsity(0.5, 31), "ConstantSparsity to 0"),
    ],
)
def test_a_curve_in_words(schedule: PruningSchedule, words: str) -> None:
    assert curve_words(curve_of(schedule, 30)) == words
