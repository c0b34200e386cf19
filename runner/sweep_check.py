"""Reads every job of a sweep before the first one runs: a typing error is told now, not in the night."""

import atexit
import shutil
import tempfile
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from runner.errors import UserError
from runner.job import read_job, task_overrides
from runner.recipe.library import recipe_names
from runner.settings import RunSettings, prepare_outputs


class SweepRefused(BaseException):
    """A job of a sweep cannot run; its cause says why.

    Not an Exception, because Hydra turns those of a callback into warnings.
    """


class SweepCheck(Callback):
    """Hydra's callback at the start of `--multirun`, before it makes any folder."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Reads every job that Hydra's own sweeper is about to start.

        Raises:
            SweepRefused: One of them is wrong, or the outputs cannot be written.
        """
        # Other sweepers choose their jobs as they go.
        if not str(config.hydra.sweeper.get("_target_")).endswith(f".{BasicSweeper.__name__}"):
            return
        try:
            jobs = _read_jobs(config)
            if all(settings.dry_run for settings in jobs):
                _sweep_nowhere(config)
            else:
                for outputs in {settings.outputs for settings in jobs if not settings.dry_run}:
                    prepare_outputs(outputs)
        except Exception as error:
            raise SweepRefused from error


def _read_jobs(config: DictConfig) -> list[RunSettings]:
    loader = GlobalHydra.instance().config_loader()
    parser = OverridesParser.create(config_loader=loader)
    written = task_overrides(config.hydra)
    swept = parser.parse_overrides(written)
    [batch] = BasicSweeper.split_arguments(swept, max_batch_size=None)
    if not batch:
        raise UserError(f"{' '.join(written)}: matches nothing. The recipes are {', '.join(recipe_names())}")
    jobs = []
    for overrides in batch:
        job = loader.load_sweep_config(config, overrides)
        try:
            jobs.append(read_job(job, job.hydra)[1])
        except UserError as error:
            raise UserError(f"the sweep's job {' '.join(overrides)}:\n{error}") from error
    return jobs


def _sweep_nowhere(config: DictConfig) -> None:
    """Points Hydra, which makes a folder for every job, at one that is gone when the command ends."""
    folder = tempfile.mkdtemp(prefix="runner-dry-run-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    config.hydra.sweep.dir = folder
    config.hydra.overrides.hydra.append(f"hydra.sweep.dir={folder}")
