"""Checks and completes the settings of Hydra's Optuna sweeper before its first trial."""

import logging
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from omegaconf import DictConfig, OmegaConf

from runner.cli.composition import task_overrides
from runner.process.errors import UserError
from runner.recipe.objective import Objective, read_objectives
from runner.recipe.override_syntax import override_key, parse_override

if TYPE_CHECKING:
    from runner.search.search import Search
    from runner.settings import RunSettings

_PLUGIN = "hydra_plugins.hydra_optuna_sweeper"
_TARGET = f"{_PLUGIN}.optuna_sweeper.OptunaSweeper"
_T = TypeVar("_T")


def is_search(config: DictConfig) -> bool:
    """Tells whether the sweep's jobs are chosen by results, by a sweeper that the runner can serve."""
    return config.hydra.sweeper.get("_target_") == _TARGET


def read_space(config: DictConfig) -> tuple[list[str], dict[str, list[str]]]:
    """Reads among which values the sweeper will choose.

    Args:
        config: The composed configuration.

    Returns:
        The overrides that all jobs share; and by key, as the command names it, the first value, the last one,
        and where they are listed all between.

    Raises:
        UserError: There is nothing to choose, or something that is not searched.
    """
    sweeper = config.hydra.sweeper
    if sweeper.get("search_space"):
        raise UserError("hydra.sweeper.search_space: is out of use. Write it as hydra.sweeper.params")
    params: Any = OmegaConf.to_container(sweeper.get("params") or OmegaConf.create({}), resolve=True)
    written = [*(f"{key}={value}" for key, value in params.items()), *task_overrides(config.hydra)]
    fixed, space = {}, {}
    for override in OverridesParser.create().parse_overrides(written):
        key = override.get_key_element()
        if not override.is_sweep_override():
            fixed[key] = f"{key}={override.get_value_element_as_str()}"
        elif override_key(key) == "seed":
            raise UserError(
                f"{override.input_line}: a search would choose the luckiest seed. Give one seed, and train"
                " the best values with others when they are found"
            )
        else:
            space[key] = _values(override)
    space = {key: values for key, values in space.items() if key not in fixed}
    if not space and not sweeper.get("custom_search_space"):
        raise UserError(
            "hydra/sweeper=optuna: there is nothing to search. Give values to choose among:"
            " 'recipe.KEY=interval(FROM,TO)', or recipe.KEY=A,B,C"
        )
    return list(fixed.values()), space


def _values(override: Override) -> list[str]:
    swept = override.value()
    if isinstance(swept, IntervalSweep):
        return [str(swept.start), str(swept.end)]
    if isinstance(swept, RangeSweep):
        return [str(swept.start), str(swept.stop)]
    if not isinstance(swept, ChoiceSweep):
        raise UserError(f"{override.input_line}: a search takes values, interval(), range() or choice()")
    return list(override.sweep_string_iterator())


def read_examples(
    fixed: Sequence[str], space: dict[str, list[str]], read: Callable[[list[str]], _T]
) -> list[_T]:
    """Reads jobs that the sweeper may choose: every listed value, and both ends of every interval.

    A value that cannot be read with the first values of the other keys may still fit their last ones.

    Args:
        fixed: The overrides that all jobs share.
        space: By key the values; see `read_space`.
        read: Reads one job from its overrides.

    Raises:
        UserError: A value fits neither.
    """
    if not space:
        return [read(list(fixed))]
    found = []
    for key, value in ((key, value) for key, values in space.items() for value in values):
        chosen = [{other: own[end] for other, own in space.items()} | {key: value} for end in (0, -1)]
        examples = list(dict.fromkeys(tuple(f"{name}={own}" for name, own in one.items()) for one in chosen))
        problems = []
        for example in examples:
            try:
                found.append(read([*fixed, *example]))
            except UserError as error:
                problems.append(error)
        if len(problems) == len(examples):
            raise UserError(f"the search's {key}={value}:\n{problems[0]}") from problems[0]
    return found


def prepare_search(
    config: DictConfig, settings: "RunSettings", fixed: Sequence[str], space: dict[str, list[str]]
) -> "Search":
    """Sets the sweeper's directions and its sampler's seed.

    Args:
        config: The composed configuration; `hydra.sweeper` is completed.
        settings: Of its jobs.
        fixed: See `read_space`.
        space: See `read_space`.

    Returns:
        The request of the search.

    Raises:
        UserError: A setting of the sweeper is wrong, or not supported.
    """
    sweeper = config.hydra.sweeper
    given = {override_key(str(written)) for written in config.hydra.overrides.hydra if written}
    _check_settings(sweeper, given, settings)
    objectives = read_objectives(settings.objective)
    sweeper.direction = _checked_directions(sweeper, given, objectives)
    if OmegaConf.is_dict(sweeper.sampler) and "seed" in sweeper.sampler and sweeper.sampler.seed is None:
        sweeper.sampler.seed = settings.seed
    _quiet_optuna()
    from runner.search.search import Search

    return Search(
        objectives,
        keys=tuple(parse_override(key)[0] for key in space) or ("custom_search_space",),
        fixed=tuple(parse_override(override)[0] for override in fixed),
        trials=sweeper.n_trials,
        at_once=min(sweeper.n_jobs, sweeper.n_trials),
    )


def _check_settings(sweeper: DictConfig, given: Collection[str], settings: "RunSettings") -> None:
    if settings.dry_run:
        raise UserError(
            "dry_run: a search chooses its values as it goes. Leave hydra/sweeper out, and give one value for"
            " each key that is searched, to see the plan"
        )
    if sweeper.storage is not None:
        raise UserError(
            "hydra.sweeper.storage: a search is kept in its folder and in MLflow. Leave it out: no other"
            " command can go on with it"
        )
    if "hydra.sweeper.max_failure_rate" in given:
        raise UserError(
            "hydra.sweeper.max_failure_rate: a failed job is a failed trial, and the search goes on;"
            " on_failure=stop ends it at the first"
        )
    for name in ("n_trials", "n_jobs"):
        if sweeper[name] < 1:
            raise UserError(f"hydra.sweeper.{name} is {sweeper[name]}, but must be at least 1")


def _checked_directions(
    sweeper: DictConfig, given: Collection[str], objectives: Sequence[Objective]
) -> str | list[str]:
    """Returns the objectives' directions as Optuna takes them; directions that the user gives must agree."""
    wanted = [objective.direction for objective in objectives]
    listed = sweeper.direction if OmegaConf.is_list(sweeper.direction) else [sweeper.direction]
    written = [str(getattr(one, "name", one)).lower() for one in listed]
    if "hydra.sweeper.direction" in given and written != wanted:
        raise UserError(
            f"hydra.sweeper.direction is {', '.join(written)}, and"
            f" objective={','.join(map(str, objectives))} says {', '.join(wanted)}. Leave the direction out:"
            " it follows from the objective, where a minus in front means that less is better"
        )
    return wanted if len(wanted) > 1 else wanted[0]


def _quiet_optuna() -> None:
    """Turns off Optuna's own messages: the runner's tables report each trial."""
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)
    logging.getLogger(_PLUGIN).setLevel(logging.CRITICAL)
