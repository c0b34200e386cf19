"""Shows a sweep while it goes on, from what its jobs write, whichever process or machine they run on."""

import json
import threading
import time
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from runner.records.sweep_records import JobRecord, read_records
from runner.sweep.job_lines import JobLine, LiveSweep
from runner.sweep.log import last_line, log_of
from runner.sweep.standing import Standing

_SECONDS_BETWEEN_LOOKS = 0.5


class Watch:
    """Looks at the records of a sweep's jobs now and then.

    On a terminal it shows the jobs that run and those that ended last, and rewrites them; elsewhere it prints
    a line for each job that has ended. The reason of a failed job is printed at once.

    Args:
        folder: The sweep's.
        jobs: How many it has; None where its sweeper chooses them as it goes.
        console: Where to print. Its file is one of its own: the jobs in this process redirect `sys.stdout`.
    """

    def __init__(self, folder: Path, jobs: int | None, console: Console) -> None:
        self._folder, self._jobs, self._console = folder, jobs, console
        # Jobs that had finished before are told as a number, by whoever looked for them.
        self._ended = {
            record.number: JobLine(record) for record in read_records(folder) if not record.running
        }
        self._reasons: dict[str, int] = {}
        self._live: Live | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="watch", daemon=True)

    def start(self) -> None:
        """Begins to look, in a thread."""
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._thread.start()

    def stop(self) -> None:
        """Ends the looking, after a last look; what is rewritten is gone from the terminal then."""
        if self._over.is_set():
            return
        self._over.set()
        try:
            if self._thread.ident is not None:  # Something may have failed before it was started.
                self._thread.join()
            self.look()
        finally:
            if self._live is not None:
                self._live.stop()

    def look(self) -> None:
        """Takes up what has happened since the last look."""
        records = read_records(self._folder, but=self._ended)
        running = []
        for record in records:
            if record.running:
                running.append(JobLine(record, doing=last_line(log_of(self._folder, record))))
            elif record.status != "interrupted":  # It may be started again.
                self._take_up(record)
        if self._live is not None:
            now = time.time()
            begun = [*self._ended.values(), *running]
            standing = Standing(self._jobs, [line.record for line in begun])
            self._live.update(LiveSweep(begun, standing.summary(now)), refresh=True)

    def _look_on(self) -> None:
        while not self._over.wait(_SECONDS_BETWEEN_LOOKS):
            self.look()

    def _take_up(self, record: JobRecord) -> None:
        line = _with_result(record)
        self._ended[record.number] = line
        if self._live is None or record.status == "failed":
            self._console.print(Text(str(line), line.style), soft_wrap=True)
        if record.status == "failed":
            reason = record.reason or ""
            first = self._reasons.setdefault(reason, record.number)
            told = reason if first == record.number else f"as job {first}"
            for each in told.splitlines():
                self._console.print(Text(f"  {each}"), soft_wrap=True)


def _with_result(record: JobRecord) -> JobLine:
    """Reads what a finished run amounts to off its summary."""
    summary = {}
    if record.status == "finished" and record.folder is not None:
        # Somebody may have moved the job's files already.
        with suppress(FileNotFoundError):
            summary = json.loads((Path(record.folder) / "summary.json").read_text(encoding="utf-8"))
    sparsity = summary.get("sparsity", {}).get("pruned_layers")
    return JobLine(record, accuracy=summary.get("test_accuracy"), sparsity=sparsity)
