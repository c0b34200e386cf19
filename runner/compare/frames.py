"""The comparison as pandas tables, which are what the CSV files hold."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from runner.compare.comparison import Comparison
from runner.compare.statistics import Mean
from runner.compare.table import columns
from runner.compare.verdict import sentence

MOST_SENTENCES = 500

_ROWS: dict[str, Callable[[Mean], float | None]] = {
    "mean": lambda mean: mean.value,
    "low": lambda mean: mean.low,
    "high": lambda mean: mean.high,
}
_PAIR_COLUMNS = (
    "first",
    "second",
    "score",
    "shared_seeds",
    "lost_by_first",
    "lost_by_second",
    "ranked",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
    "better",
    "not_ranked_because",
    "verdict",
)


def comparison_frame(comparison: Comparison) -> pd.DataFrame:
    """Returns `comparison.csv`: for each recipe a row per seed, then its mean and the interval's two ends.

    Returns:
        Columns `recipe`, `row` (`seed`, `mean`, `low`, `high`), `seed` (empty in the last three), `data`,
        `run_id`, `variation`, and one per measured quantity, empty where it was not measured.
    """
    shown = columns(comparison)
    lines: list[dict[str, Any]] = []
    for group in comparison.groups:
        first = group.results[0]
        base = {"recipe": group.name, "data": first.data_source, "variation": group.variation}
        lines += [
            {
                **base,
                "row": "seed",
                "seed": result.seed,
                "run_id": result.run_id,
                **{column.name: column.value(result) for column in shown},
            }
            for result in group.results
        ]
        means = {column.name: column.mean(group) for column in shown}
        for row, pick in _ROWS.items():
            values = {name: None if mean is None else pick(mean) for name, mean in means.items()}
            lines.append({**base, "row": row, **values})
    names = ["recipe", "row", "seed", *(column.name for column in shown), "data", "run_id", "variation"]
    return pd.DataFrame(lines, columns=names).astype({"seed": "Int64", **{c.name: "float64" for c in shown}})


def pairs_frame(comparison: Comparison) -> pd.DataFrame:
    """Returns `comparison_pairs.csv`: every two recipes, what differs between them, and the verdict.

    Seeds are parted by blanks. Those that one side has lost are those that the other has a result for.
    """
    lines = []
    # Of thousands of pairs nobody reads a sentence each, and each takes its time to write.
    told = len(comparison.pairs) <= MOST_SENTENCES
    for pair in comparison.pairs:
        difference, better = pair.difference, pair.better
        lines.append(
            {
                "first": pair.first.name,
                "second": pair.second.name,
                "score": pair.score.metric,
                "shared_seeds": _seeds(pair.fairness.seeds),
                "lost_by_first": _seeds(pair.fairness.lost[0]),
                "lost_by_second": _seeds(pair.fairness.lost[1]),
                "ranked": pair.ranked,
                "difference": difference.mean if difference else None,
                "low": difference.low if difference else None,
                "high": difference.high if difference else None,
                "p": difference.p if difference and pair.ranked else None,
                "p_holm": pair.p,
                "better": better.name if better else "",
                "not_ranked_because": "; ".join(refusal.words for refusal in pair.fairness.refusals),
                "verdict": sentence(pair, comparison) if told else "",
            }
        )
    return pd.DataFrame(lines, columns=list(_PAIR_COLUMNS))


def _seeds(seeds: tuple[int, ...]) -> str:
    return " ".join(map(str, seeds))
