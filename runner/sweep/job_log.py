"""The logs of a sweep's jobs: one file each, so that the terminal has one line for each."""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from runner.records.sweep_records import RECORDS, JobRecord

LOG = "log.txt"
"""The name of a job's log in its folder. Until the folder is made, the log is beside the job's record."""

_TAIL_BYTES = 4096


@contextmanager
def logged(folder: Path, number: int) -> Iterator[None]:
    """Writes what this process prints to the job's log.

    Args:
        folder: The sweep's.
        number: The job's.
    """
    path = _beside_record(folder, number)
    path.parent.mkdir(exist_ok=True)
    # Flushed after each line, which the live display shows.
    with (
        path.open("a", encoding="utf-8", errors="replace", buffering=1) as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        yield


def keep_log(folder: Path, record: JobRecord) -> None:
    """Moves a job's log into the job's folder, once it is made; the log may be open."""
    log = _beside_record(folder, record.number)
    if record.folder is not None and log.is_file():
        log.replace(Path(record.folder) / LOG)


def log_of(folder: Path, record: JobRecord) -> Path:
    """Returns where a job's log is."""
    beside = _beside_record(folder, record.number)
    return beside if record.folder is None or beside.is_file() else Path(record.folder) / LOG


def last_line(log: Path) -> str:
    """Returns the last line of a log that is not blank; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _beside_record(folder: Path, number: int) -> Path:
    return folder / RECORDS / f"{number}.log"
