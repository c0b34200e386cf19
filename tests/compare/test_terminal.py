import io

import pytest
from rich.console import Console

from runner.compare import terminal
from runner.compare.comparison import Comparison, compare
from runner.compare.groups import make_groups
from runner.compare.score import named_score
from runner.compare.tables import columns
from runner.compare.terminal import show
from tests.compare.made_results import groups, results, swept


def shown(comparison: Comparison, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    show(comparison, console)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def large(accuracy: float) -> dict[str, float]:
    metrics: dict[str, float] = {
        "test/dense_accuracy": 0.9912,
        "model/nonzero_weights": 25_600_000,
        "model/keras_gzip_bytes": 101_600_000,
    }
    for variant in ("float32", "dynamic_range", "float32_sparse"):
        metrics |= {
            f"tflite_{variant}/accuracy": accuracy,
            f"tflite_{variant}/bytes": 102_600_000,
            f"tflite_{variant}/gzip_bytes": 98_765_432 + 100 * accuracy,
            f"tflite_{variant}/latency_ms": 123.456 + accuracy,
        }
    return metrics


def test_seeds_means_and_the_answer() -> None:
    constant = results("mnist_constant", [0.980, 0.981, 0.982], metrics={"test/dense_accuracy": 0.99})
    lines = shown(compare(groups(constant, results("mnist_polynomial", [0.983, 0.985, 0.985])), ["a note"]))
    tokens = [line.split() for line in lines]
    assert ["mnist_constant"] in tokens
    assert ["1", "0.9800", "0.0100", "87.50%", "50,000"] in tokens
    assert ["mean", "0.9810", "0.0090", "87.50%", "50,000"] in tokens
    assert ["±", "0.0025", "±", "0.0025"] in tokens
    assert ["1", "0.9830", "-", "87.50%", "50,000"] in tokens
    assert "note: a note" in lines
    assert " ".join(lines[-2:]).startswith(
        "mnist_polynomial is better than mnist_constant: test accuracy higher by 0.0033"
    )
    assert "mnist_polynomial" in "".join(
        lines[lines.index("Differences, with intervals that hold together in 95%") :]
    )


def test_what_ranks_is_the_first_column() -> None:
    runs = [run for name in ("a", "b") for run in results(name, [0.5, 0.6], metrics={"val/accuracy": 0.4})]
    comparison = compare(make_groups(runs, named_score("val/accuracy", {"val/accuracy"})))
    assert ["1", "0.4000", "0.5000", "87.50%", "50,000"] in [line.split() for line in shown(comparison)]


def test_a_files_score_that_ranks_stays_with_the_file_too() -> None:
    runs = [
        run for name in ("a", "b") for run in results(name, [0.5, 0.6], metrics={"tflite_int8/accuracy": 0.4})
    ]
    comparison = compare(make_groups(runs, named_score("tflite_int8/accuracy", {"tflite_int8/accuracy"})))
    lines = [line.split() for line in shown(comparison)]
    assert ["1", "0.4000", "0.5000", "87.50%", "50,000"] in lines
    assert ["int8", "0.4000"] in lines
    assert [column.name for column in columns(comparison)].count("tflite_int8/accuracy") == 1


@pytest.mark.parametrize("width", [80, 100])
def test_large_models_with_long_names_fit(width: int) -> None:
    names = ("schedule.name=polynomial structural.m_by_n=1x4", "schedule.name=constant structural.m_by_n=2x4")
    runs = [
        results(f"mobilenet {name}", [0.9, 0.91], metrics=large(0.9))
        for name in (f"layers.all.{one.replace(' ', ' layers.')}" for one in names)
    ]
    lines = shown(compare(groups(*runs)), width)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "…" not in text
    for whole in ("101,600,000", "25,600,000", "98,765,522", "102,600,000", "124.356", "dynamic_range"):
        assert whole in text


def test_names_are_not_broken_within_a_word_at_80_columns() -> None:
    names = ("constant", "polynomial")
    runs = [
        results(
            f"a layers.all.schedule.name={one} layers.all.schedule.sparsity={level}",
            [0.9, 0.91],
            metrics=large(0.9),
        )
        for one in names
        for level in (0.5, 0.9)
    ]
    lines = shown(compare(groups(*runs)))
    for one in names:
        for level in (0.5, 0.9):
            assert lines.count(f" {one} sparsity={level}") == 2


def test_of_many_runs_the_means_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "MOST_RUNS", 3)
    tokens = [line.split() for line in shown(compare(groups(*(results(n, [0.5, 0.75]) for n in "ab"))))]
    assert ["mean", "0.6250", "87.50%", "50,000"] in tokens
    assert not any(line[:1] == ["1"] for line in tokens)


def test_of_many_differences_the_files_have_all(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = compare(groups(*(results(name, [0.5, 0.75]) for name in "ab")))
    assert " b - a (2 seeds)" in shown(comparison)
    monkeypatch.setattr(terminal, "MOST_DIFFERENCES", 0)
    assert not any(line.startswith(" b - a") for line in shown(comparison))


def test_columns_that_do_not_fit_are_left_out_whole() -> None:
    comparison = compare(groups(*(results(n, [0.5, 0.75], metrics=large(0.5)) for n in "ab")))
    wide, narrow = ("\n".join(shown(comparison, width)) for width in (120, 60))
    assert "Keras file" in wide
    assert "Keras file" not in narrow
    assert "…" not in narrow.partition("TFLite files")[0]


def test_a_setting_of_fewer_seeds_says_so() -> None:
    schedule, sparsity = "layers.all.schedule.name", "layers.all.schedule.sparsity"
    scores = {(n, s): [0.9, 0.91, 0.93] for n in ("constant", "polynomial") for s in (0.5, 0.9)}
    scores["constant", 0.9] = scores["constant", 0.9][:2]
    lines = shown(compare(swept({schedule: (), sparsity: ()}, scores)))
    told = " ".join(lines)
    assert "polynomial - constant (2 seeds)" in told
    assert "sparsity 0.5 (3 seeds)" in told
    assert "sparsity 0.9 " in told
    assert all(len(line) <= 80 for line in lines)
