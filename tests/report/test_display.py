import io
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console
from rich.table import Table

from runner.report.display import Display
from runner.training import Progress

PROGRESS = Progress(
    epoch=2,
    step=15,
    metrics={"train/loss": 0.123_456, "train/accuracy": 0.9, "val/loss": 0.25},
    sparsity={"conv": 0.5, "_pruned_layers": 0.4567, "_model": 0.4},
    epoch_ended=True,
)
SHOWN = "training: epoch 2/3, step 15/30, loss 0.1235, accuracy 0.9000, sparsity 45.67%, val loss 0.2500"


def console(*, terminal: bool, width: int = 200) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None)


def written(of: Console) -> str:
    assert isinstance(of.file, io.StringIO)
    return of.file.getvalue()


@pytest.fixture
def plain() -> Console:
    return console(terminal=False)


@pytest.fixture
def terminal() -> Iterator[tuple[Console, Display]]:
    screen = console(terminal=True)
    with Display(screen) as display:
        yield screen, display


def test_off_a_terminal_there_is_a_line_per_stage_and_epoch(plain: Console) -> None:
    with Display(plain) as display:
        display.say("loading mnist")
        display.say("training")
        display.training(replace(PROGRESS, epoch_ended=False), 3, 30)
        display.training(PROGRESS, 3, 30)

    assert written(plain) == f"loading mnist\ntraining\n{SHOWN}\n"


def test_a_long_line_is_not_broken(plain: Console) -> None:
    narrow = console(terminal=False, width=40)

    with Display(narrow) as display:
        display.say("training")
        display.training(PROGRESS, 3, 30)

    assert written(narrow) == f"training\n{SHOWN}\n"


def test_a_training_is_called_as_was_said_last(plain: Console) -> None:
    with Display(plain) as display:
        display.say("looking")
        display.say("dense training")
        display.training(PROGRESS, 3, 30)

    assert written(plain) == f"looking\ndense training\n{SHOWN.replace('training', 'dense training', 1)}\n"


def test_before_anything_was_measured_no_sparsity_is_claimed(plain: Console) -> None:
    with Display(plain) as display:
        display.training(replace(PROGRESS, sparsity={}), 3, 30)

    assert written(plain).endswith("val loss 0.2500\n")


def test_on_a_terminal_one_line_is_rewritten_and_goes_away(terminal: tuple[Console, Display]) -> None:
    screen, display = terminal
    display.say("training")
    display.training(PROGRESS, 3, 30)
    display.print("kept")

    text = written(screen)
    assert SHOWN in text
    assert text.index(SHOWN) < text.index("kept")
    display.__exit__(None, None, None)
    assert "\x1b[2K" in written(screen)[len(text) :]  # The line is erased at the end.


def test_on_a_terminal_steps_show_but_not_more_than_ten_a_second(terminal: tuple[Console, Display]) -> None:
    screen, display = terminal
    running = replace(PROGRESS, epoch_ended=False)
    for step in (1, 2, 3):
        display.training(replace(running, step=step), 3, 30)
    time.sleep(0.11)
    display.training(replace(running, step=4), 3, 30)
    display.training(replace(PROGRESS, step=5), 3, 30)

    shown = [step for step in range(1, 6) if f"step {step}/30" in written(screen)]
    assert shown == [1, 4, 5]


def test_a_narrow_terminal_cuts_the_line() -> None:
    screen = console(terminal=True, width=30)

    with Display(screen) as display:
        display.say("training")
        display.training(PROGRESS, 3, 30)

    assert "training: epoch 2/3, step 15/…" in written(screen)


@pytest.mark.parametrize(
    "text",
    [
        "MLflow: mlflow ui --backend-store-uri sqlite:////home/someone/with/a/long/folder/outputs/mlflow.db",
        "files: /data/[bold]/run [red]:star:",
        "note: 2:4 on 12 layers",
    ],
)
@pytest.mark.parametrize("is_terminal", [False, True])
def test_text_is_printed_as_it_is(text: str, is_terminal: bool) -> None:
    screen = console(terminal=is_terminal, width=40)

    with Display(screen) as display:
        display.print(text)

    assert f"{text}\n" in written(screen)


def test_tables_are_drawn(plain: Console) -> None:
    table = Table("layer")
    table.add_row("conv")

    with Display(plain) as display:
        display.print(table, "after")

    lines = written(plain).splitlines()
    assert "layer" in lines[1]
    assert "conv" in lines[3]
    assert lines[-1] == "after"


def test_a_note_is_printed_and_told_to_the_sweep() -> None:
    screen, noted = console(terminal=False), list[str]()
    with Display(screen, noted=noted.append) as display:
        display.note("few groups")
        display.note("damaged", "warning")
    assert written(screen) == "note: few groups\nwarning: damaged\n"
    assert noted == ["few groups", "damaged"]
