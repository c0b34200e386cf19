"""The pictures of a run: along its training, and of the masks in its TFLite file."""

from collections.abc import Sequence

from runner.export.measure import Exported
from runner.report.file_names import safe_names
from runner.report.mask_plots import plot_mask
from runner.report.page import Picture
from runner.report.plots import plot_sparsity, plot_training
from runner.report.stored_mask import read_stored_masks
from runner.report.tables import weight_title
from runner.run.dense_reference import dense_trained
from runner.run.finished import FinishedRun
from runner.verify import PrunedWeight
from runner.verify.evidence import expected_weights, weights_by_name

MOST_MASKS = 12
"""So many tensors get a picture of their own, those with the most planned zeros; a page has an end."""


def draw_training(run: FinishedRun) -> list[Picture]:
    """Draws what was measured along training: sparsity where a rule prunes, loss, and accuracy."""
    plan, plots = run.prepared.plan, run.folder / "plots"
    pictures = []
    if plan.curves:
        plot_sparsity(plan, run.history, plots / "sparsity.png")
        caption = (
            "Sparsity along training, by rule: the schedule, the masks that it set, and the zeros counted in"
            " every layer."
        )
        pictures.append(Picture(plots / "sparsity.png", caption))
    updates = sorted({step for _, curve in plan.curves for step in curve.steps})
    plot_training(run.history, updates, plots / "training.png")
    shown = "Loss and accuracy" if "accuracy" in run.proven.scores else "Loss"
    marked = ", with the steps at which masks were updated" if updates else ""
    return [*pictures, Picture(plots / "training.png", f"{shown} while pruning{marked}.")]


def draw_masks(run: FinishedRun) -> tuple[list[Picture], str]:
    """Draws the masks of the pruned tensors as the first TFLite file holds them.

    Returns:
        The pictures, in the plan's order, and what to say of them: which file, and what is left out.
    """
    planned = {(row.layer, row.weight): row for row in run.prepared.plan.pruned}
    expected = expected_weights(run.prepared.plan, run.wrapped)
    file = pictured_file(run.proven.exported)
    if not expected or file is None or file.path is None:
        return [], "None: no weight is pruned." if not expected else "None: no TFLite file could be read."
    chosen, rest = chosen_weights(expected)
    titles = [weight_title(planned[weight.layer, weight.weight]) for weight in chosen]
    names = safe_names(titles)
    stored = read_stored_masks(chosen, planned, weights_by_name(run.prepared.model), file.path)
    pictures, missing = [], []
    for title, name, mask in zip(titles, names, stored, strict=True):
        if mask is None:
            missing.append(title)
            continue
        path = run.folder / "plots" / f"masks_{name}.png"
        plot_mask(mask, path)
        caption = f"{title}: {mask.zeros.shape[0]:,} x {mask.zeros.shape[1]:,} as TFLite stores it,"
        pictures.append(
            Picture(path, f"{caption} and its weights, those after pruning as they are {mask.after_from}.")
        )
    began = (
        "the trained dense weights"
        if dense_trained(run.recipe, run.prepared.model)
        else "the untrained first weights"
    )
    about = (
        f"Read from the bytes of {file.path.name}: rows are outputs, columns the inputs that each sums over."
        f" The weights before are those that pruning started from: {began}."
    )
    if missing:
        about += f" Not found in the file, so without a picture: {', '.join(missing)}."
    if rest:
        others = ", ".join(weight_title(planned[weight.layer, weight.weight]) for weight in rest)
        about += f" Drawn are the {len(chosen)} tensors with the most zeros; not drawn are {others}."
    return pictures, about


def pictured_file(files: Sequence[Exported]) -> Exported | None:
    """Picks float32's file, which is neither rounded nor encoded, or else the first that there is."""
    there = [file for file in files if file.loads]  # What does not may be damaged, and not even be read.
    return next((file for file in there if file.variant == "float32"), there[0] if there else None)


def chosen_weights(expected: Sequence[PrunedWeight]) -> tuple[list[PrunedWeight], list[PrunedWeight]]:
    """Parts the tensors into those with the most planned zeros, which are drawn, and the rest."""
    most = sorted(range(len(expected)), key=lambda index: -expected[index].planned_zeros)[:MOST_MASKS]
    return (
        [weight for index, weight in enumerate(expected) if index in most],
        [weight for index, weight in enumerate(expected) if index not in most],
    )
