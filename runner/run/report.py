"""The stage that reports a run: prints its results, draws its pictures, writes `report.html`."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from runner.export.measure import Exported
from runner.report.curves import PlanCurves
from runner.report.file_names import safe_names
from runner.report.files import advice_lines, files_table
from runner.report.mask_plots import mask_figure
from runner.report.page import Picture
from runner.report.palette import DOTS_PER_INCH
from runner.report.parts import Run
from runner.report.plots import measured_by_rule, sparsity_figure, training_figure
from runner.report.run_page import write_run_page
from runner.report.stored_mask import read_stored_masks
from runner.report.table_style import terminal_table
from runner.report.tables import check_table, plan_table, weight_title
from runner.run.dense import dense_plan
from runner.verify import PrunedWeight
from runner.verify.evidence import weights_by_name

MOST_MASKS = 12
"""At most this many tensors get a picture, those with the most planned zeros; a page has an end."""


def show_plan(run: Run) -> None:
    """Prints what a run would do."""
    plan = run.prepared.plan
    run.reporter.print(*dense_plan(run), terminal_table(plan_table(plan)), PlanCurves(plan))
    _show_warnings(run)


def show_start(run: Run) -> None:
    """Prints each rule's schedule and the plan's warnings; of a sweep's job the warnings only."""
    if not run.member:
        run.reporter.print(PlanCurves(run.prepared.plan))
    _show_warnings(run)


def _show_warnings(run: Run) -> None:
    for warning in run.prepared.plan.warnings:
        run.reporter.note(warning)


def show_results(run: Run) -> None:
    """Prints the tables at the end of a run, where its files are, and what shows it in MLflow.

    Of a sweep's job only two lines are printed: its scores and its sparsity.
    """
    if not run.member:
        tables = check_table(run.prepared.plan, run.check.rows), files_table(run.exports)
        run.reporter.print(*map(terminal_table, tables), *advice_lines(run.exports))
    data, scores, sparsity = run.prepared.data, run.proof.scores, run.proof.sparsity
    accuracy = f"accuracy {scores['accuracy']:.4f}, " if "accuracy" in scores else ""
    loss = f"loss {scores['loss']:.4f}{beside_dense(run.exports.dense_scores, scores)}"
    note = f" ({data.note})" if data.note else ""
    run.reporter.print(
        f"test set of {data.source}{note}: {accuracy}{loss}",
        f"sparsity: pruned layers {sparsity['pruned_layers']:.2%}, model {sparsity['model']:.2%}",
    )
    if not run.member:
        run.reporter.print(f"files:  {run.folder}", *run.tracker.shown_at)


def beside_dense(dense: Mapping[str, float] | None, scores: Mapping[str, float]) -> str:
    """Sets the dense weights' score beside the pruned ones': accuracy, or loss where there is none.

    Returns:
        Such as `; dense 0.9000, drop 0.0500`; where nothing changed, an accuracy drops and a loss rises by 0.
    """
    if dense is None:
        return ""
    both = "accuracy" in dense and "accuracy" in scores
    name, worse, better = ("accuracy", "drop", "rise") if both else ("loss", "rise", "fall")
    change = scores[name] - dense[name]
    way = worse if change == 0 or (change > 0) == (worse == "rise") else better
    return f"; dense {'' if both else 'loss '}{dense[name]:.4f}, {way} {abs(change):.4f}"


def report(run: Run) -> None:
    """Draws the pictures of a run into `plots/` of its folder and writes `report.html` beside them."""
    with run.stage("report", "drawing the pictures and the report"):
        masks, about = _draw_masks(run)
        write_run_page(run, _draw_training(run), masks, about)


def _draw_training(run: Run) -> list[Picture]:
    """Draws what was measured along training: sparsity where a rule prunes, loss, and accuracy."""
    plan, history = run.prepared.plan, run.fitted.history
    pictures, measured = [], measured_by_rule(plan, history)
    if plan.curves:
        caption = (
            "Sparsity along training, by rule: the schedule, the masks that it set, and the zeros counted"
        )
        figure = sparsity_figure(plan.curves, measured)
        pictures.append(_picture(run, "sparsity", figure, f"{caption} in every layer."))
    updates = sorted({step for _, curve in plan.curves for step in curve.steps})
    shown = "Loss and accuracy" if "accuracy" in run.proof.scores else "Loss"
    marked = ", with the steps at which masks were updated" if updates else ""
    caption = f"{shown} while pruning{marked}."
    return [*pictures, _picture(run, "training", training_figure(history, updates), caption)]


def _picture(run: Run, name: str, figure: Figure, caption: str) -> Picture:
    path = run.folder / "plots" / f"{name}.png"
    figure.savefig(path, dpi=DOTS_PER_INCH)
    return Picture(path, caption)


def _draw_masks(run: Run) -> tuple[list[Picture], str]:
    """Draws the masks of the pruned tensors in a TFLite file; returns them and a text on what they show."""
    expected, file = run.proof.expected, pictured_file(run.exports.files)
    if not expected or file is None or file.path is None:
        return [], "None: no weight is pruned." if not expected else "None: no TFLite file could be read."
    planned = {(row.layer, row.weight): row for row in run.prepared.plan.pruned}
    chosen, rest = (
        [(planned[weight.layer, weight.weight], weight) for weight in part]
        for part in chosen_weights(expected)
    )
    titles = [weight_title(row) for row, _ in chosen]
    before = weights_by_name(run.prepared.model)
    stored = read_stored_masks([weight for _, weight in chosen], planned, before, file.path)
    pictures, missing = [], []
    for title, name, mask in zip(titles, safe_names(titles), stored, strict=True):
        if mask is None:
            missing.append(title)
            continue
        caption = f"{title}: {mask.zeros.shape[0]:,} x {mask.zeros.shape[1]:,} as TFLite stores it,"
        caption += f" and its weights, those after pruning as they are {mask.after_from}."
        pictures.append(_picture(run, f"masks_{name}", mask_figure(mask), caption))
    began = "the trained dense weights" if run.prepared.trained else "the untrained first weights"
    about = (
        f"Read from the bytes of {file.path.name}: rows are outputs, columns the inputs that each sums over."
        f" The weights before are those that pruning started from: {began}."
    )
    if missing:
        about += f" Not found in the file, so without a picture: {', '.join(missing)}."
    if rest:
        others = ", ".join(weight_title(row) for row, _ in rest)
        about += f" Drawn are the {len(chosen)} tensors with the most zeros; not drawn are {others}."
    return pictures, about


def pictured_file(files: Sequence[Exported]) -> Exported | None:
    """Picks float32's file, which is neither rounded nor encoded, or else the first that loads."""
    loading = [file for file in files if file.loads]  # Another may be damaged, and not even be read.
    return next((file for file in loading if file.variant == "float32"), loading[0] if loading else None)


def chosen_weights(expected: Sequence[PrunedWeight]) -> tuple[list[PrunedWeight], list[PrunedWeight]]:
    """Splits the tensors into those with the most planned zeros, which get a picture, and the rest."""
    most = sorted(range(len(expected)), key=lambda index: -expected[index].planned_zeros)[:MOST_MASKS]
    return (
        [weight for index, weight in enumerate(expected) if index in most],
        [weight for index, weight in enumerate(expected) if index not in most],
    )
