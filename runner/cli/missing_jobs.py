"""Has Hydra start those jobs of a sweep only that have not finished before, whatever launches them."""

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins import basic_sweeper
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

_NUMBER = "${hydra.job.num}"


class MissingJobs(Sweeper):
    """Hydra's own sweeper, which leaves jobs out.

    Args:
        started: The numbers of the jobs to start.
        own: What Hydra's own sweeper is told.
    """

    def __init__(self, started: Sequence[int], **own: Any) -> None:
        self.started = started
        # Hydra makes the class anew when it looks for plugins, so it is taken when it is needed.
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
        own = basic_sweeper.BasicSweeper
        [every] = own.split_arguments(overrides, None)
        wanted = [[*every[number], *self._own_folder(number)] for number in self.started]
        return list(own.split_overrides_to_chunks(wanted, max_batch_size)) if wanted else []

    def _own_folder(self, number: int) -> list[str]:
        """Gives a job the folder that its number names: launchers count the jobs that they start."""
        if _NUMBER not in self.subdir:
            return []
        quoted = self.subdir.replace(_NUMBER, str(number)).replace("'", "\\'")
        return [f"hydra.sweep.subdir='{quoted}'"]


def start_only(config: DictConfig, started: Sequence[int]) -> None:
    """Lets Hydra's own sweeper start some of its jobs only.

    Args:
        config: The composed configuration of a sweep that is about to begin.
        started: The numbers of the jobs to start.
    """
    # Hydra looks a sweeper up by its name, and takes none from other packages than its own plugins.
    Plugins.instance().class_name_to_class[str(config.hydra.sweeper._target_)] = MissingJobs
    with open_dict(config.hydra.sweeper):
        config.hydra.sweeper.started = list(started)
