"""The comparison as tidy pandas tables, which are what the CSV files hold: a column for each factor."""

from typing import Any

import pandas as pd

from runner.compare.answer import left_out_words
from runner.compare.comparison import Comparison, LevelComparison
from runner.compare.contrasts import Contrast, LevelEffect
from runner.compare.effects import Effect
from runner.compare.groups import Group
from runner.compare.tables import columns

_DIFFERENCE_COLUMNS = (
    "factor",
    "first",
    "second",
    "at",
    "level",
    "metric",
    "seeds",
    "settings",
    "left_out",
    "difference",
    "low",
    "high",
    "p",
    "p_depends",
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
        for the difference over all; `metric`, `seeds` (their number), `settings` (of the other factors, over
        which it is the mean) and `left_out` (settings that are not in it), `difference` (second minus first)
        with the ends of its interval and its p-value, both corrected for all rows; `p_depends`, of the test
        that the difference is the same at all levels of the factor `at`, corrected for all such tests;
        `better`, the level that is better there, if one is; `note`, why not, what is left out, or why they
        are not ranked.
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
            if comparison.is_axis(contrast.factor):
                reasons = reasons or "the factor changes size, training or data"
            lines.append({**base, "note": f"not ranked: {reasons}" if reasons else "no runs to compare"})
            continue
        left_out = left_out_words(finding)
        note = f"left out: {left_out}" if left_out else ""
        lines.append({**base, **_numbers(finding, contrast.overall, contrast, finding.better, note)})
        lines += [
            {
                **base,
                "at": dependence.factor.name,
                "level": at.level,
                "p_depends": dependence.p,
                **_numbers(finding, at.effect, at, finding.better_at(at)),
            }
            for dependence in contrast.dependences
            for at in dependence.effects
        ]
    whole = dict.fromkeys(("seeds", "settings", "left_out"), "Int64")
    return pd.DataFrame(lines, columns=list(_DIFFERENCE_COLUMNS)).astype({**whole, "p_depends": "float64"})


def _numbers(
    finding: LevelComparison, effect: Effect, of: Contrast | LevelEffect, better: str | None, note: str = ""
) -> dict[str, Any]:
    if effect.shown and better is None:
        lost = finding.forbidding(of if isinstance(of, LevelEffect) else None)
        note = f"left open: {lost[0].words}"
    return {
        "seeds": effect.seeds,
        "settings": len(of.blocks),
        "left_out": len(of.settings) - len(of.blocks),
        "difference": effect.mean,
        "low": effect.low,
        "high": effect.high,
        "p": effect.p,
        "better": better or "",
        "note": note,
    }


def _levels(comparison: Comparison, group: Group) -> dict[str, str | float]:
    """Returns a group's level of each factor by the factor's name, numbers as numbers."""
    return {
        factor.name: factor.number(level) if factor.numeric else level
        for factor, level in zip(comparison.factors, group.cell, strict=True)
    }
