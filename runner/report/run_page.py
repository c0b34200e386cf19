"""`report.html`: one run as one page, from what was asked to how it was made."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.report.page import Grid, Picture, page_environment

Pairs = Sequence[tuple[str, str]]
"""Lines of a name and what there is to say."""


@dataclass(frozen=True)
class RunPage:
    """All that the page of a run says.

    Args:
        title: Its heading.
        subtitle: Where and when, under it.
        failures: What makes the run a failed one; empty for a good run.
        answer: The result in a sentence or two.
        asked: The recipe in words.
        rules: Its rules, and where each applied.
        plan: The plan.
        warnings: What the plan warned of, and what to know about the data.
        scores: How good the model is.
        check: The sparsity check.
        files: The TFLite files.
        dense_measured: Whether dense float32 is among them.
        advice: What to make of each file, in lines, by variant.
        benchmarks: Commands that time the files on a device.
        budget: The budget and what was reached; empty without one.
        training_pictures: Of what was measured along training.
        mask_pictures: Of pruned tensors.
        masks_about: What these are taken from, and what is left out.
        findings: What to make of it.
        next_steps: What to try next.
        made: Versions, command, hashes.
        recipe: The resolved recipe, as YAML.
    """

    title: str
    subtitle: str
    failures: Sequence[str]
    answer: str
    asked: Pairs
    rules: Grid
    plan: Grid
    warnings: Sequence[str]
    scores: Pairs
    check: Grid
    files: Grid
    dense_measured: bool
    advice: Sequence[tuple[str, Sequence[str]]]
    benchmarks: Sequence[str]
    budget: Pairs
    training_pictures: Sequence[Picture]
    mask_pictures: Sequence[Picture]
    masks_about: str
    findings: Sequence[str]
    next_steps: Sequence[str]
    made: Pairs
    recipe: str


def write_run_page(page: RunPage, path: Path) -> None:
    """Writes the page as one HTML file with its pictures inside."""
    template = page_environment(Path(__file__).parent, html=True).get_template("report.html.j2")
    path.write_text(template.render(report=page), encoding="utf-8")
