"""Parts of Hydra that are not its public interface: an upgrade of Hydra that breaks something breaks it here.

What each part is for, and what fails where Hydra changes it:

- `BasicSweeper`, `BasicLauncher` (`hydra._internal.core_plugins`): the jobs of a sweep are listed and checked
  before the first one runs, and resumed sweeps leave jobs out (`MissingJobs`). Sweeps fail on import.
- `get_args_parser` (`hydra._internal.utils`): options may stand behind overrides. Every command fails.
- `Plugins.class_name_to_class`: Hydra takes no sweeper from outside its own plugins. Resumed sweeps fail.
- `GlobalHydra`'s `config_loader`: composes a job's configuration as Hydra itself will. Sweeps fail.
- local variables of Hydra's functions: some of its errors do not name the override or the folder that they
  are about. The messages for these errors lose the name.

`tests/cli/test_hydra_private.py` and `tests/cli/test_main.py` fail in each of these cases.
"""

import traceback
from collections.abc import Iterable, Sequence
from types import FrameType
from typing import Any

from hydra._internal.core_plugins import basic_sweeper
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import run_job
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

BASIC_LAUNCHER = f"{BasicLauncher.__module__}.{BasicLauncher.__name__}"
"""The target of the launcher that runs one job after another in the command's process."""

_NUMBER = "${hydra.job.num}"


def options_first(arguments: Sequence[str]) -> list[str]:
    """Puts options before overrides, wherever they were given: Hydra's parser takes no override after one.

    Args:
        arguments: As they were given, such as `["recipe=a,b", "--multirun", "seed=1,2"]`.

    Raises:
        SystemExit: An option is unknown; the usage has been printed.
    """
    overrides: list[str] = get_args_parser().parse_intermixed_args(list(arguments)).overrides
    left = list(overrides)
    options = []
    for argument in arguments:
        if argument in left:
            left.remove(argument)
        else:
            options.append(argument)
    return [*options, *overrides]


def is_basic_sweeper(config: DictConfig) -> bool:
    """Tells whether a sweep's jobs are Hydra's own: every combination of comma-separated values."""
    return str(config.hydra.sweeper.get("_target_")).endswith(f".{basic_sweeper.BasicSweeper.__name__}")


def parse_overrides(written: list[str]) -> list[Override]:
    """Parses overrides; a glob among them knows the choices of its group."""
    return OverridesParser.create(config_loader=GlobalHydra.instance().config_loader()).parse_overrides(
        written
    )


def combinations(overrides: list[Override]) -> list[list[str]]:
    """Returns the overrides of each job of a sweep, in the order in which Hydra's own sweeper starts them."""
    # Hydra makes the class anew when it looks for plugins, so it is taken when it is needed.
    [jobs] = basic_sweeper.BasicSweeper.split_arguments(overrides, max_batch_size=None)
    return list(jobs)


def compose_job(config: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """Composes the configuration of one job of a sweep.

    Args:
        config: The configuration of the sweep.
        overrides: The job's.
    """
    return GlobalHydra.instance().config_loader().load_sweep_config(config, list(overrides))


class MissingJobs(Sweeper):
    """Hydra's own sweeper, which leaves out the jobs of a resumed sweep that have finished before.

    Args:
        started: The numbers of the jobs to start.
        own: The arguments of Hydra's own sweeper.
    """

    def __init__(self, started: Sequence[int], **own: Any) -> None:
        self.started = started
        self._sweeper = basic_sweeper.BasicSweeper(**own)
        self._sweeper.split_arguments = self.split_arguments  # type: ignore[method-assign]

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Gets ready; see Hydra."""
        self._sweeper.setup(hydra_context=hydra_context, task_function=task_function, config=config)
        sweep: Any = OmegaConf.to_container(config.hydra.sweep, resolve=False)
        self.subdir: str = sweep["subdir"]

    def sweep(self, arguments: list[str]) -> Any:
        """Starts the jobs; see Hydra."""
        return self._sweeper.sweep(arguments)

    def split_arguments(self, overrides: list[Override], max_batch_size: int | None) -> list[list[list[str]]]:
        """Returns the overrides of each job to start, in batches."""
        every = combinations(overrides)
        wanted = [[*every[number], *self._own_folder(number)] for number in self.started]
        batches = basic_sweeper.BasicSweeper.split_overrides_to_chunks(wanted, max_batch_size)
        return list(batches) if wanted else []

    def _own_folder(self, number: int) -> list[str]:
        """Gives a job the folder that its number names: launchers count the jobs that they start."""
        if _NUMBER not in self.subdir:
            return []
        quoted = self.subdir.replace(_NUMBER, str(number)).replace("'", "\\'")
        return [f"hydra.sweep.subdir='{quoted}'"]


def start_only(config: DictConfig, started: Sequence[int]) -> None:
    """Has Hydra's own sweeper start some of its jobs only.

    Args:
        config: The composed configuration of a sweep that is about to begin.
        started: The numbers of the jobs to start.
    """
    # Hydra looks a sweeper up by its name, and takes none from other packages than its own plugins.
    Plugins.instance().class_name_to_class[str(config.hydra.sweeper._target_)] = MissingJobs
    with open_dict(config.hydra.sweeper):
        config.hydra.sweeper.started = list(started)


def failed_folder(error: BaseException) -> str | None:
    """Returns the setting of a folder that Hydra could not make: `hydra.run.dir=/x`; None otherwise."""
    own = [frame for frame in _frames(error) if frame.f_globals.get("__name__") not in ("pathlib", "os")]
    if not own or own[-1].f_code is not run_job.__code__:
        return None
    return f"{own[-1].f_locals['job_dir_key']}={own[-1].f_locals['output_dir']}"


def failed_override(error: BaseException) -> str | None:
    """Returns the override that Hydra was applying when it raised an error; None where there was none."""
    applied = [frame.f_locals.get("override") for frame in _frames(error)]
    written = [override.input_line for override in applied if isinstance(override, Override)]
    return written[-1] if written else None


def _frames(error: BaseException) -> Iterable[FrameType]:
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
