"""Makes a store again and again, is killed in it at the moments it is told, and then opens the store.

Run as `python killed_makers.py FOLDER MOMENT...`; a moment is the number of an SQL statement, `made` (all
tables are there, the store has not got its name) or `named` (the experiment is missing). Each maker is a
process forked from this one, which has imported everything: what is measured is the making.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlalchemy
from sqlalchemy.engine import Engine

from runner.settings import Tracking
from runner.tracking import open_run, open_store, store


def main() -> None:
    top, moments = Path(sys.argv[1]), sys.argv[2:]
    open_store(Tracking(), top / "first")  # Loads all that a making needs.
    for moment in moments:
        outputs = top / moment
        how = in_a_process(partial(make, outputs, moment))
        left = ",".join(sorted(path.name for path in outputs.iterdir()))
        opened = in_a_process(partial(use, outputs))
        print(moment, how, opened, left, flush=True)


def in_a_process(action: Callable[[], object]) -> int:
    """Returns the exit status; minus the signal's number where one ended it."""
    process = os.fork()
    if not process:
        try:
            action()
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def make(outputs: Path, moment: str) -> None:
    def die(*arguments: Any, **options: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    executed = 0

    def count(*arguments: Any) -> None:
        nonlocal executed
        executed += 1
        if str(executed) == moment:
            die()

    sqlalchemy.event.listen(Engine, "after_cursor_execute", count)
    with ExitStack() as stack:
        if moment == "made":
            stack.enter_context(patch.object(Path, "replace", die))
        elif moment == "named":
            stack.enter_context(patch.object(store, "_experiment", die))
        open_store(Tracking(), outputs)


def use(outputs: Path) -> None:
    opened = open_store(Tracking(), outputs)
    with open_run(opened, run_name="r", params={"a": 1}, tags={}) as run:
        run.log_metrics({"test/loss": 0.5})
    assert opened.client.get_run(run.run_id).data.metrics == {"test/loss": 0.5}


main()
