"""The comparison as tidy pandas tables, which are what the CSV files hold: a column for each factor."""

from typing import Any

import pandas as pd

from runner.compare.comparison import Comparison, Finding
from runner.compare.effects import Effect
from runner.compare.groups import Group
from runner.compare.table import columns

_DIFFERENCE_COLUMNS = (
    "factor",
    "first",
    "second",
    "at",
    "level",
    "metric",
    "seeds",
    "difference",
    "low",
    "high",
    "p",
    "better",
    "note",
)


def comparison_frame(comparison: Comparison) -> pd.DataFrame:
    """Returns `comparison.csv`: a row for each run that has a score.

    Returns:
        Columns: one for each factor with the run's level, `seed`, `group`, MLflow's names of what was
        measured (empty where it was not), `data`, `run_id`.
    """
    shown = columns(comparison)
    lines = [
        {
            **_levels(comparison, group),
            "seed": result.seed,
            "group": group.name,
            **{column.name: column.value(result) for column in shown},
            "data": result.data_source,
            "run_id": result.run_id,
        }
        for group in comparison.groups
        for result in group.results
    ]
    factors = [factor.name for factor in comparison.factors]
    names = [*factors, "seed", "group", *(column.name for column in shown), "data", "run_id"]
    return pd.DataFrame(lines, columns=names).astype({column.name: "float64" for column in shown})


def means_frame(comparison: Comparison) -> pd.DataFrame:
    """Returns `comparison_means.csv`: a row for each group of runs that differ in their seed only.

    Returns:
        Columns: one for each factor, `group`, `seeds` (their number) and `failed` (runs without a result);
        for each measured quantity its mean, and with `/low` and `/high` behind its name the 95 % interval of
        the mean, empty for a single seed.
    """
    shown = columns(comparison)
    lines = []
    for group in comparison.groups:
        line: dict[str, Any] = {
            **_levels(comparison, group),
            "group": group.name,
            "seeds": len(group.seeds),
            "failed": len(group.lost),
        }
        for column in shown:
            mean = column.mean(group)
            line[column.name] = mean.value if mean else None
            line[f"{column.name}/low"] = mean.low if mean else None
            line[f"{column.name}/high"] = mean.high if mean else None
        lines.append(line)
    return pd.DataFrame(lines)


def differences_frame(comparison: Comparison) -> pd.DataFrame:
    """Returns `comparison_differences.csv`: what every two levels of a factor differ in, and where.

    Returns:
        Columns: `factor`, its levels `first` and `second`; another factor `at` and its `level`, both empty
        for the difference over all; `metric`, `seeds` (their number), `difference` (second minus first) with
        the ends of its interval and its p-value, both corrected for all rows; `better`, the level that is
        better there, if one is; `note`, why not, or why they are not ranked.
    """
    lines: list[dict[str, Any]] = []
    for finding in comparison.findings:
        contrast = finding.contrast
        base = {
            "factor": contrast.factor.name,
            "first": contrast.first,
            "second": contrast.second,
            "metric": finding.score.metric,
        }
        if contrast.overall is None:
            reasons = "; ".join(refusal.words for refusal in finding.refusals)
            lines.append({**base, "note": f"not ranked: {reasons}" if reasons else "no runs to compare"})
            continue
        lines.append({**base, **_numbers(finding, contrast.overall)})
        lines += [
            {**base, "at": dependence.factor.name, "level": level, **_numbers(finding, effect)}
            for dependence in contrast.dependences
            for level, effect in dependence.effects
        ]
    return pd.DataFrame(lines, columns=list(_DIFFERENCE_COLUMNS)).astype({"seeds": "Int64"})


def _numbers(finding: Finding, effect: Effect) -> dict[str, Any]:
    lost = finding.forbidding(effect) if effect.shown else ()
    return {
        "seeds": effect.seeds,
        "difference": effect.mean,
        "low": effect.low,
        "high": effect.high,
        "p": effect.p,
        "better": finding.better_by(effect) or "",
        "note": f"left open: {lost[0].words}" if lost else "",
    }


def _levels(comparison: Comparison, group: Group) -> dict[str, str | float]:
    """Returns a group's level of each factor by the factor's name, numbers as numbers."""
    return {
        factor.name: factor.number(level) if factor.numeric else level
        for factor, level in zip(comparison.factors, group.cell, strict=True)
    }
