import pytest

from runner.compare.charts.costs import COSTS, SPARSITY, against_cost
from runner.compare.comparison import Comparison, compare
from runner.compare.groups import make_groups
from runner.compare.score import named_score
from tests.compare.made_results import SHA
from tests.compare.made_sweeps import compared, run

BY_KEY = {cost.axis.key: cost for cost in COSTS}


def sized(accuracy: float, **sizes: float) -> dict[str, float]:
    """A run's float32 and int8 files, and the dense model's float32 file."""
    found = {"tflite_float32/accuracy": accuracy, "tflite_int8/accuracy": accuracy - 0.001}
    found |= {"tflite_dense_float32/accuracy": 0.99, "tflite_dense_float32/gzip_bytes": 4000.0}
    return found | {name.replace("__", "/"): value for name, value in sizes.items()}


def recipes(**means: tuple[float, float]) -> Comparison:
    """By recipe its accuracy and the bytes of its gzipped float32 file; int8 has a quarter."""
    return compared(
        [
            run(
                {},
                seed,
                accuracy + seed / 1000,
                recipe=name,
                metrics=sized(
                    accuracy + seed / 1000,
                    tflite_float32__gzip_bytes=size,
                    tflite_int8__gzip_bytes=size / 4,
                ),
            )
            for name, (accuracy, size) in means.items()
            for seed in (1, 2, 3)
        ]
    )


def test_every_file_has_a_place_and_a_status() -> None:
    comparison = recipes(small=(0.90, 2000), large=(0.95, 3000), poor=(0.80, 3600))
    chart = against_cost(comparison, comparison.groups, BY_KEY["gzip_bytes"], None)
    assert chart is not None
    assert chart.files == ["float32", "int8"]
    found = {(mark.group, line.file): (mark.at, mark.status) for line in chart.lines for mark in line.marks}
    assert found == {
        ("dense", "float32"): (4000.0, "on the front"),
        ("small", "float32"): (2000.0, "dominated"),
        # One thousandth above its int8 file, at all seeds: no more than a step of the score.
        ("large", "float32"): (3000.0, "undecided"),
        ("poor", "float32"): (3600.0, "dominated"),
        ("small", "int8"): (500.0, "on the front"),
        ("large", "int8"): (750.0, "on the front"),
        ("poor", "int8"): (900.0, "dominated"),
    }
    assert [mark.group for mark in chart.marks if mark.on_mean_front] == ["dense", "large", "small", "large"]


def test_the_dense_file_stands_once_and_its_time_is_the_mean_of_all_runs() -> None:
    runs = [
        run(
            {},
            seed,
            0.9,
            recipe=name,
            metrics={
                "tflite_int8/accuracy": 0.9 + seed / 100,
                "tflite_int8/latency_ms": 0.5,
                "tflite_dense_int8/accuracy": 0.99 + seed / 1000,
                "tflite_dense_int8/latency_ms": latency,
            },
        )
        for name, latency in (("a", 1.0), ("b", 2.0))
        for seed in (1, 2)
    ]
    comparison = compared(runs)
    chart = against_cost(comparison, comparison.groups, BY_KEY["latency"], None)
    assert chart is not None
    [dense] = [line for line in chart.lines if line.dense]
    [mark] = dense.marks
    assert (mark.group, mark.at, dense.file) == ("dense", 1.5, "int8")
    assert mark.seeds == {1: (1.5, 0.991), 2: (1.5, 0.992)}


def test_more_zeros_cost_less() -> None:
    runs = [
        run({}, seed, accuracy + seed / 1000, recipe=name, metrics={"sparsity/_model": sparsity})
        for name, sparsity, accuracy in (("a", 0.5, 0.9), ("b", 0.9, 0.9), ("c", 0.95, 0.8))
        for seed in (1, 2, 3)
    ]
    comparison = compared(runs)
    chart = against_cost(comparison, comparison.groups, SPARSITY, None)
    assert chart is not None
    assert [mark.on_mean_front for mark in chart.marks] == [False, True, True]
    # The accuracies of a and b are the same at all seeds.
    assert [mark.status for mark in chart.marks] == ["dominated", "on the front", "on the front"]


def test_lines_run_along_the_numeric_factor() -> None:
    runs = [
        run(
            {"layers.all.schedule.sparsity": s},
            seed,
            1 - s / 10,
            metrics={"model/nonzero_macs": 1e6 * (1 - s)},
        )
        for s in (0.5, 0.9, 0.75)
        for seed in (1, 2)
    ]
    comparison = compared(runs)
    chart = against_cost(comparison, comparison.groups, BY_KEY["nonzero_macs"], comparison.factors[0])
    assert chart is not None
    [line] = chart.lines
    assert [(mark.level, round(mark.at)) for mark in line.marks] == [
        ("0.5", 500_000),
        ("0.75", 250_000),
        ("0.9", 100_000),
    ]


def test_nothing_is_drawn_where_all_cost_the_same_or_nothing_is_logged() -> None:
    comparison = compared([run({}, seed, 0.9, metrics={"model/macs": 1e6}) for seed in (1, 2)])
    found = {key: against_cost(comparison, comparison.groups, cost, None) for key, cost in BY_KEY.items()}
    assert found == dict.fromkeys(BY_KEY)


def test_a_files_error_stands_against_its_size() -> None:
    runs = [
        run(
            {},
            seed,
            None,
            recipe=name,
            data_sha256=SHA["digits"],
            metrics={
                "test/mean_squared_error": error,
                "tflite_int8/mean_squared_error": error + seed / 1000,
                "tflite_int8/bytes": size,
            },
        )
        for name, error, size in (("a", 1.0, 100), ("b", 2.0, 200))
        for seed in (1, 2, 3)
    ]
    comparison = compared(runs)
    chart = against_cost(comparison, comparison.groups, BY_KEY["bytes"], None)
    assert chart is not None
    assert [mark.status for mark in chart.marks] == ["on the front", "dominated"]
    assert chart.marks[0].score.value == pytest.approx(1.002)


@pytest.mark.parametrize(
    ("metric", "drawn"),
    [
        ("val/accuracy", {"gzip_bytes": "test accuracy", "macs": "val/accuracy"}),
        ("tflite_int8/accuracy", {"gzip_bytes": "test accuracy", "macs": "tflite_int8/accuracy"}),
        ("val/loss", {"gzip_bytes": "test loss of the file", "macs": "val/loss"}),
        ("tflite_int8/gzip_bytes", {"macs": "tflite_int8/gzip_bytes"}),
        ("model/macs", {}),
    ],
)
def test_a_chart_is_named_after_what_it_draws(metric: str, drawn: dict[str, str]) -> None:
    def metrics(place: int, seed: int) -> dict[str, float]:
        tflite = {"accuracy": 0.7 + seed / 100, "loss": 0.2, "gzip_bytes": 100.0 * (1 + place)}
        own = {f"tflite_int8/{name}": value for name, value in tflite.items()}
        return {**own, "val/accuracy": 0.6, "val/loss": 0.1, "model/macs": 1000.0 * (1 + place)}

    runs = [
        run({}, seed, 0.9, recipe=name, metrics=metrics(place, seed))
        for place, name in enumerate(("a", "b"))
        for seed in (1, 2)
    ]
    logged = {name for one in runs for name in one.metrics}
    comparison = compare(make_groups(runs, named_score(metric, logged)))
    charts = {
        key: chart
        for key in ("gzip_bytes", "macs")
        if (chart := against_cost(comparison, comparison.groups, BY_KEY[key], None)) is not None
    }
    assert {key: chart.score.name for key, chart in charts.items()} == drawn
    if drawn.get("gzip_bytes") == "test accuracy":
        assert [mark.score.value for mark in charts["gzip_bytes"].marks] == pytest.approx([0.715, 0.715])


def test_a_chart_of_files_is_named_by_what_it_draws() -> None:
    metrics = {"val/accuracy": 0.5, "tflite_int8/accuracy": 0.9}
    runs = [
        run({}, seed, 0.99, recipe=name, metrics={**metrics, "tflite_int8/bytes": size, "model/macs": size})
        for name, size in (("a", 100.0), ("b", 200.0))
        for seed in (1, 2)
    ]
    for metric, names in (
        ("val/accuracy", ("test accuracy", "val/accuracy")),
        ("tflite_int8/accuracy", ("test accuracy", "tflite_int8/accuracy")),
    ):
        comparison = compare(make_groups(runs, named_score(metric, {metric})))
        charts = [against_cost(comparison, comparison.groups, BY_KEY[key], None) for key in ("bytes", "macs")]
        assert tuple(chart.score.name for chart in charts if chart is not None) == names
        assert charts[0] is not None
        assert charts[0].marks[0].score.value == 0.9


def test_the_dense_file_stands_once_where_a_recipe_lacks_a_seed() -> None:
    runs = [
        run(
            {},
            seed,
            0.9,
            recipe=name,
            metrics={
                "tflite_dense_int8/accuracy": 0.99 + seed / 1000,
                "tflite_dense_int8/gzip_bytes": 900.0 + seed,
                "tflite_int8/accuracy": 0.9,
                "tflite_int8/gzip_bytes": 500.0,
            },
        )
        for name, seeds in (("a", (1, 2, 3)), ("b", (2, 3, 4)))
        for seed in seeds
    ]
    comparison = compared(runs)
    chart = against_cost(comparison, comparison.groups, BY_KEY["gzip_bytes"], None)
    assert chart is not None
    [[mark]] = [line.marks for line in chart.lines if line.dense]
    assert (mark.group, sorted(mark.seeds)) == ("dense", [1, 2, 3, 4])
    assert mark.seeds[4] == (904.0, 0.994)


def test_what_ranks_is_not_drawn_against_itself() -> None:
    runs = [
        run({}, 1, 0.9, recipe=name, metrics={"tflite_int8/bytes": size})
        for name, size in (("a", 100.0), ("b", 200.0))
    ]
    comparison = compare(make_groups(runs, named_score("tflite_int8/bytes", {"tflite_int8/bytes"})))
    assert against_cost(comparison, comparison.groups, BY_KEY["bytes"], None) is None
