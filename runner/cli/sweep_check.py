"""Checks every job of a sweep before the first one runs, so that a typing error is reported at once.

Then it opens the sweep.
"""

import atexit
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from runner.cli.composition import load_plugins, read_job, task_overrides
from runner.cli.hydra_private import (
    BASIC_LAUNCHER,
    combinations,
    compose_job,
    is_basic_sweeper,
    parse_overrides,
    start_only,
)
from runner.cli.launchers import GROUP
from runner.cli.search_check import is_search, prepare_search, read_examples, read_space
from runner.process.errors import UserError
from runner.process.threads import announce_threads, available_cores, limit_tensorflow
from runner.recipe.library import recipe_names
from runner.sweep.launching import RAY_ENVIRONMENT, Launch, ray_settings, read_launch

if TYPE_CHECKING:
    from runner.search.search import Search
    from runner.sweep.job import PlannedJob
    from runner.sweep.session import Session

_MOST_JOBS = 10_000

_opened: list["Session"] = []


class SweepRefused(BaseException):
    """A job of a sweep cannot run; its cause says why.

    Not an Exception, because Hydra turns those of a callback into warnings.
    """


def opened_sweep() -> "Session | None":
    """Returns the sweep that the callback has opened in this process, once: whoever asks closes it."""
    return _opened.pop() if _opened else None


class SweepCheck(Callback):
    """Hydra's callback at the start of `--multirun`, before it makes any folder."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Reads every job that is about to start, or examples of a search's jobs, and opens the sweep.

        Raises:
            SweepRefused: One of them is wrong, or the outputs cannot be written.
        """
        try:
            _check_sweeper(config)
            jobs, search = _read_search(config) if is_search(config) else (_read_jobs(config), None)
            dry = [job for job in jobs if job.settings.dry_run]
            if len(dry) == len(jobs):
                _sweep_nowhere(config)
            elif dry:
                raise UserError("dry_run: some of the sweep's jobs are dry and others not. Choose one.")
            else:
                _open(config, jobs, search)
        except (Exception, SystemExit) as error:  # Only a plugin exits here.
            raise SweepRefused from error


def _open(config: DictConfig, jobs: list["PlannedJob"], search: "Search | None") -> None:
    from runner.settings import prepare_outputs

    for outputs in {job.settings.outputs for job in jobs}:
        prepare_outputs(outputs)
    folder = sweep_folder(config.hydra)
    _set_folder(config, folder)
    launch = _prepare_launch(config, jobs, at_once=search.at_once if search else len(jobs))
    if search is not None:
        print(search.first_line, flush=True)

    from runner.process.chatter import import_quietly

    import_quietly()  # Plugins and some loaders of data import TensorFlow.

    from runner.sweep.open_sweep import open_sweep

    if launch.engine == "local" and launch.threads is not None:
        limit_tensorflow(launch.threads)
    load_plugins(jobs[0].settings.plugins)
    _check_registered(jobs)
    session = open_sweep(folder, jobs, launch, search)
    _opened.append(session)
    if session.sweep.started is not None:
        start_only(config, session.sweep.started)
    session.show()


def sweep_folder(hydra: DictConfig) -> Path:
    """Returns a sweep's folder, absolute, from Hydra's part of the configuration."""
    return Path(hydra.runtime.cwd) / str(hydra.sweep.dir)


def _read(config: DictConfig, overrides: Sequence[str]) -> "PlannedJob":
    from runner.sweep.job import PlannedJob

    return PlannedJob(tuple(overrides), *read_job(config, config.hydra))


def _check_sweeper(config: DictConfig) -> None:
    if not is_basic_sweeper(config) and not is_search(config):
        name = str(config.hydra.sweeper.get("_target_")).rpartition(".")[2]
        raise UserError(
            f"hydra/sweeper: {name} is a sweeper whose results the runner cannot show. Take"
            " hydra/sweeper=optuna, which searches, or leave the sweeper out, and write the values to try:"
            " --multirun recipe.KEY=A,B,C or recipe.KEY=range(FROM,TO,STEP)"
        )


def _count(override: Override) -> int:
    """Tells how many values an override is swept over, without making them."""
    swept: Any = override.value()
    if isinstance(swept, ChoiceSweep):
        return len(swept.list)
    if not isinstance(swept, RangeSweep) or swept.start is None or swept.stop is None or not swept.step:
        return 1  # A glob finds no more than there are recipes; Hydra's sweeper says what it cannot sweep.
    return max(0, math.ceil((swept.stop - swept.start) / swept.step))


def _check_values(override: Override) -> None:
    """Refuses an override that is swept over no value at all: the sweep would have no job.

    Raises:
        UserError: It is one.
    """
    if combinations([override]):
        return
    swept: Any = override.value()
    if isinstance(swept, RangeSweep):
        problem = f"no number goes from {swept.start} to below {swept.stop} in steps of {swept.step}"
    elif override.key_or_group == "recipe":
        problem = f"matches nothing. The recipes are {', '.join(recipe_names())}"
    else:
        problem = "matches nothing"
    raise UserError(f"{override.input_line}: {problem}")


def _read_jobs(config: DictConfig) -> list["PlannedJob"]:
    swept = parse_overrides(task_overrides(config.hydra))
    count = math.prod(_count(override) for override in swept)
    if count > _MOST_JOBS:
        most = max(swept, key=_count)
        raise UserError(
            f"{most.input_line}: the sweep would have {count:,} jobs; {_MOST_JOBS:,} are the most. Name"
            " fewer values, or part the sweep."
        )
    for override in swept:
        _check_values(override)
    jobs = []
    for overrides in combinations(swept):
        job = compose_job(config, overrides)
        if job.hydra.runtime.choices.get(GROUP) != config.hydra.runtime.choices.get(GROUP):
            raise UserError(f"{GROUP}: one launcher starts all jobs of a sweep. Choose one.")
        try:
            jobs.append(_read(job, overrides))
        except UserError as error:
            raise UserError(f"the sweep's job {' '.join(overrides)}:\n{error}") from error
    return jobs


def _read_search(config: DictConfig) -> "tuple[list[PlannedJob], Search]":
    """Reads examples of the jobs that a search will choose, and its request."""
    fixed, space = read_space(config)
    jobs = read_examples(fixed, space, lambda overrides: _read(compose_job(config, overrides), overrides))
    return jobs, prepare_search(config, jobs[0].settings, fixed, space)


def _check_registered(jobs: Sequence["PlannedJob"]) -> None:
    from runner.cli.registered import check_registered

    for job in jobs:
        try:
            check_registered(job.recipe)
        except UserError as error:
            raise UserError(f"the sweep's job {' '.join(job.overrides)}:\n{error}") from error


def _prepare_launch(config: DictConfig, jobs: list["PlannedJob"], *, at_once: int) -> Launch:
    """Reads how the jobs will be started, and completes the settings of their engine."""
    threads = {job.settings.threads for job in jobs}
    if len(threads) > 1:
        raise UserError(
            "threads: the sweep's jobs share processes, and so one number of threads. Choose one."
        )
    launcher: Any = OmegaConf.to_container(config.hydra.launcher, resolve=True)
    launch = read_launch(
        launcher,
        jobs=at_once,
        threads=threads.pop(),
        cores=available_cores,
        environment=os.environ,
    )
    if launch.threads is not None:
        announce_threads(launch.threads)
    if launch.engine == "ray":
        for part, settings in ray_settings(launcher, launch, os.environ).items():
            config.hydra.launcher.ray[part] = settings
        for name, value in RAY_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
    return launch


def _sweep_nowhere(config: DictConfig) -> None:
    """Has the plans printed one after another, and the folders that Hydra makes removed at the end."""
    folder = tempfile.mkdtemp(prefix="runner-dry-run-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _set_folder(config, Path(folder))
    config.hydra.launcher = {"_target_": BASIC_LAUNCHER}


def _set_folder(config: DictConfig, folder: Path) -> None:
    """Gives Hydra the sweep's folder, absolute: jobs may begin to run elsewhere."""
    config.hydra.sweep.dir = str(folder)
    quoted = str(folder).replace("'", "\\'")
    config.hydra.overrides.hydra.append(f"hydra.sweep.dir='{quoted}'")
