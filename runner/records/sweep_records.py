"""The files that describe a sweep in its folder: `sweep.json`, the request, and `records/<job>.json`, a job.

Every job writes its own record, from whatever process it runs in, so that nothing is lost when any of them,
or the command itself, dies.
"""

import json
import os
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from runner.process.errors import UserError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Status = Literal["running", "finished", "reused", "failed", "interrupted", "killed", "skipped", "not_begun"]
"""What became of a job.

`running` is also what a job says whose process was killed, until the sweep's command, at its end, writes
`killed`. `reused`: an equal job had finished before. `skipped`: left out, since another job had failed.
`not_begun`: the sweep ended before the job's turn; such a job has no record file.
"""

KILLED = "its process ended before it did"
"""The reason of a killed job."""

_SWEEP, RECORDS = "sweep.json", "records"


@dataclass(frozen=True)
class Sweep:
    """The request of one `--multirun` command.

    Args:
        argv: The command.
        jobs: Their short names, by number, such as `mnist_constant seed=1`; empty where the sweeper chooses
            its jobs as it goes.
        tracking_uri: The MLflow store, absolute.
        experiment: MLflow's experiment.
        parent_run_id: The sweep's own run in it.
        data: SHA-256 of each data set that the jobs load, by `runner.datasets.data_key`.
        threads: What each job computes with; None is all cores that its process may use.
        plugins: SHA-256 of the plugins that the command has imported, by module; see `plugin_content`.
        source: SHA-256 of the parts of the runner that compute; see `source_content`.
        factors: What was swept: by a factor's short name its level in each job.
        started: The numbers of the jobs that the launcher starts, in its own order; None is all of them.
        objective: The objectives of a search, as written; empty for a sweep whose jobs are known beforehand.
        fixed: The keys, without `recipe.` in front, that all jobs of a search are given the same value for.
        trials: How many jobs a search starts at most; None for a sweep whose jobs are known beforehand.
    """

    argv: tuple[str, ...]
    jobs: tuple[str, ...]
    tracking_uri: str
    experiment: str
    parent_run_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    threads: int | None = None
    plugins: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    started: tuple[int, ...] | None = None
    objective: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    trials: int | None = None

    @property
    def count(self) -> int:
        """How many jobs the sweep has; of a search, how many it has at most."""
        return len(self.jobs) if self.trials is None else self.trials

    @property
    def metrics(self) -> list[str]:
        """The metrics that are the objectives of a search, by MLflow's names."""
        return [written.removeprefix("-") for written in self.objective]

    def number_of(self, place: int) -> int:
        """Returns the number of the job that the launcher starts as its `place`-th, from 0."""
        return place if self.started is None else self.started[place]

    def name_of(self, number: int) -> str:
        """Returns a job's short name."""
        return self.jobs[number] if number < len(self.jobs) else f"job {number}"


@dataclass(frozen=True)
class JobRecord:
    """The state of one job of a sweep.

    Args:
        number: From 0.
        name: Its short name.
        status: See `Status`.
        reason: Why it did not finish, in one line or more; None where the status says it all.
        run_id: Its run in MLflow; None where it got none.
        folder: Its files; None where it wrote none.
        notes: Notes for the user, a line each.
        began: When it began, in seconds since 1970; None where it was not begun.
        seconds: How long it took; None while it runs, and where its process was killed.
        sampled: The values that a search sampled for it, by key, as Hydra writes them.
        values: Its values of the search's objectives; empty until it has finished.
    """

    number: int
    name: str
    status: Status
    reason: str | None = None
    run_id: str | None = None
    folder: str | None = None
    notes: tuple[str, ...] = ()
    began: float | None = None
    seconds: float | None = None
    sampled: Mapping[str, str] = field(default_factory=dict)
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.status not in get_args(Status):
            raise ValueError(f"status is {self.status!r}; it must be one of {', '.join(get_args(Status))}")

    @property
    def succeeded(self) -> bool:
        """Whether there is a result."""
        return self.status in ("finished", "reused")

    @property
    def state(self) -> str:
        """The status in words: `not begun`."""
        return self.status.replace("_", " ")


def write_sweep(folder: Path, sweep: Sweep) -> None:
    """Writes `sweep.json`, once, into a folder that it makes."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / _SWEEP, asdict(sweep))


def read_sweep(folder: Path) -> Sweep:
    """Reads `sweep.json`.

    Raises:
        UserError: The folder is not a sweep's.
    """
    path = folder / _SWEEP
    if not path.is_file():
        raise UserError(
            f"{folder}: is not a sweep's folder (it has no {_SWEEP}). Those that `--multirun` writes are in"
            " outputs/sweeps/."
        )
    return _read(path, Sweep)


def is_sweep(folder: Path) -> bool:
    """Tells whether a folder is a sweep's."""
    return (folder / _SWEEP).is_file()


def write_record(folder: Path, record: JobRecord) -> None:
    """Writes the record of a job, in place of its earlier one."""
    (folder / RECORDS).mkdir(exist_ok=True)
    _write(folder / RECORDS / f"{record.number}.json", asdict(record))


def read_records(folder: Path, *, but: Container[int] = ()) -> list[JobRecord]:
    """Reads the records of the jobs that were begun, ordered by number; other files beside them are ignored.

    Args:
        folder: The sweep's.
        but: Numbers of jobs to leave out.

    Raises:
        UserError: A record cannot be read.
    """
    names = (path.stem for path in (folder / RECORDS).glob("*.json"))
    numbers = sorted({int(name) for name in names if name.isdecimal()})
    found = (read_record(folder, number) for number in numbers if number not in but)
    return [record for record in found if record is not None]


def read_all_records(folder: Path, sweep: Sweep) -> list[JobRecord]:
    """Reads a record of every job of a sweep, ordered by number; jobs without a file are `not_begun`.

    Of a search, whose jobs are not known beforehand, those that were begun.

    Args:
        folder: The sweep's.
        sweep: What `read_sweep` returns for it.

    Raises:
        UserError: A record cannot be read.
    """
    found = {record.number: record for record in read_records(folder)}
    missing = [number for number in range(len(sweep.jobs)) if number not in found]
    found |= {number: JobRecord(number, sweep.name_of(number), "not_begun") for number in missing}
    return [found[number] for number in sorted(found)]


def read_record(folder: Path, number: int) -> JobRecord | None:
    """Reads the record of a job; None where it has none.

    Raises:
        UserError: The record cannot be read.
    """
    path = folder / RECORDS / f"{number}.json"
    if not path.is_file():
        return None
    record = _read(path, JobRecord)
    if record.number != number:
        raise UserError(f"{path}: is the record of job {record.number} under the name of another")
    return record


_T = TypeVar("_T")


def _write(path: Path, content: Mapping[str, Any]) -> None:
    # A reader in another process must never see half a file.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


@cache
def _readers() -> "dict[type, TypeAdapter[Any]]":
    from pydantic import TypeAdapter  # It takes long to import, and `--help` does without.

    return {kind: TypeAdapter(kind) for kind in (Sweep, JobRecord)}


def _read(path: Path, kind: type[_T]) -> _T:
    """Reads a file into a dataclass, proving the types of its fields."""
    from pydantic import ValidationError

    try:
        read: _T = _readers()[kind].validate_python(json.loads(path.read_text(encoding="utf-8")))
        return read
    except ValidationError as error:
        first = error.errors()[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
        raise UserError(f"{path}: cannot be read as the runner wrote it ({why})") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as the runner wrote it ({error})") from error
