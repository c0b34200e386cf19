"""Records what a user can see of the runner, so that a change of its inside can be shown to change nothing.

    python tests/golden/record.py                 records anew, into this folder
    python tests/golden/record.py FOLDER          writes there what the code does now, as the test asks
    python tests/golden/record.py FOLDER NAME ... trains only these recipes and folders of recipes

Everything is read off commands (run as `python -m` runs them, but in one process), the files they write, and
MLflow's store: where a module lies does not matter. Every shipped recipe is trained, scaled down, the recipes
of a sub-folder by one sweep; one more run, `everything`, has dense epochs, sparse and quantized files, and a
budget. The cases of `wrong_input.yaml` are written by hand: `command`, and the content of `recipes/bad.yaml`
as `recipe` where one is needed. Their `status` and `stderr` are recorded.

Recording anew is right where a visible change is wanted: an issue names the message, default, key or name,
a recipe is added or edited, or a new version of a dependency computes other weights. The commit shows the
difference and gives the reason. It is wrong where the purpose is to let a refactoring pass.

Left out is what differs between two runs of one command or between machines: times, sizes, ids, paths.
`machine` sums up the processor, its flags and caches, and the versions of what computes. On an equal machine
the weights must be equal to the bit (`sha256`) and the counted zeros equal; elsewhere `mean_abs` must be
close.
"""

import contextlib
import csv
import hashlib
import inspect
import io
import json
import os
import platform
import re
import runpy
import shlex
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RECIPES = sorted(
    path.relative_to(ROOT / "recipes").with_suffix("").as_posix() for path in ROOT.glob("recipes/**/*.yaml")
)
SETTINGS = "recipe.training.epochs=1 seed=3 threads=1"
IMAGES = "recipe.data.name=random recipe.data.fallback=null recipe.data.classes=10 recipe.data.samples=200"
SMALL_DATA = {
    "mnist": f"{IMAGES} recipe.data.input_shape=[28,28,1] recipe.training.batch_size=32",
    "cifar10": f"{IMAGES} recipe.data.input_shape=[16,16,3] recipe.training.batch_size=20",
    "random": "recipe.data.samples=64 recipe.data.input_shape=[2,32,2] recipe.data.target_shape=[2,8,8]",
}
SMALL_MODEL = {
    "tutorial_cnn": "recipe.model.filters=[4,8] recipe.model.dense_units=16",
    "resnet20": "recipe.model.width=4",
    "two_conv": "recipe.model.filters=8",
}
EVERYTHING = (
    f"runner recipe=mnist_2x4 recipe.data.name=digits recipe.data.copies=1 {SMALL_MODEL['tutorial_cnn']}"
    " recipe.training.dense_epochs=1 recipe.export.variants=[float32_sparse,int8]"
    f" recipe.budget={{variant:int8,max_bytes:100000,max_accuracy_drop:0.9}} {SETTINGS}"
)
CHANGING = re.compile("bytes|ratio|latency|run_id|seconds|benchmark|dense_checkpoint|why|tensors$|^computed")
"""Keys of JSON files of which the type is recorded instead of the value."""


def run(line: str) -> tuple[int, str, str]:
    """Runs a command line such as `runner recipe=mnist_2x4`; returns exit status, output and errors."""
    module, *arguments = shlex.split(line)
    sys.argv, status, out, err = [module, *arguments], 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_module(module, run_name="__main__")
        except SystemExit as end:
            status = int(end.code or 0)
    return status, _placeless(out.getvalue()), _placeless(err.getvalue())


def _placeless(text: str) -> str:
    return text.replace(str(Path.cwd()), "CWD").replace(str(ROOT), "ROOT")


def output(line: str) -> str:
    status, out, err = run(line)
    assert (status, err) == (0, ""), f"{line}: {status}\n{err}"
    return out


def small(name: str) -> str:
    """Returns what scales a recipe down: few steps and a small model."""
    written = yaml.safe_load(output(f"runner --cfg job recipe={name}"))["recipe"]
    return f"{SMALL_DATA[written['data']['name']]} {SMALL_MODEL.get(written['model']['name'], '')} {SETTINGS}"


def machine() -> str:
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().partition("\n\n")[0].splitlines() if cpu.exists() else [platform.processor()]
    told = [line for line in lines if re.match("(model name|flags|Features|cache size)\\s*:", line)] or lines
    told += [f"{name} {version(name)}" for name in ("tensorflow", "tf_keras", "numpy")]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def described(value: Any, *, typed: bool = False) -> Any:
    """Returns the content of a JSON file, with types in the place of values that change."""
    if isinstance(value, dict):
        return {k: described(v, typed=typed or bool(CHANGING.search(k))) for k, v in value.items()}
    if isinstance(value, list):
        items = [described(item, typed=typed) for item in value]
        return [item for n, item in enumerate(items) if not (typed and item in items[:n])]
    if typed:
        return type(value).__name__
    return float(f"{value:.6g}") if isinstance(value, float) else value


def files_in(folder: Path) -> list[str]:
    """Returns the files of a folder, without those of a sweep's jobs."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not re.match(r"\d+/|records/", path))


def logged(run_id: str) -> dict[str, Any]:
    """Returns what MLflow holds of a run: params with values, metrics with steps, names of all else."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{Path.cwd()}/outputs/mlflow.db")
    found = client.get_run(run_id)

    def artifacts(folder: str | None = None) -> Iterator[str]:
        for file in client.list_artifacts(run_id, folder):
            yield from artifacts(file.path) if file.is_dir else [file.path]

    def steps(metric: str) -> list[int]:
        return [entry.step for entry in client.get_metric_history(run_id, metric)]

    models = found.outputs.model_outputs if found.outputs else []
    return {
        "name": found.info.run_name,
        "experiment": client.get_experiment(found.info.experiment_id).name,
        "params": dict(sorted(found.data.params.items())),
        "metrics": {name: steps(name) for name in sorted(found.data.metrics)},
        "tags": {name: found.data.tags[name] for name in sorted(found.data.tags)},
        "artifacts": sorted(artifacts()),
        "models": [client.get_logged_model(model.model_id).name for model in models],
    }


def weights_in(path: Path) -> dict[str, Any]:
    import numpy as np
    import tf_keras

    model = tf_keras.models.load_model(path, compile=False)
    return {
        weight.name: {
            "shape": list(value.shape),
            "zeros": int(np.count_nonzero(value == 0)),
            "mean_abs": float(f"{np.abs(value).mean():.6g}"),
            "sha256": hashlib.sha256(value.tobytes()).hexdigest()[:24],
        }
        for weight, value in zip(model.weights, model.get_weights(), strict=True)
    }


def finished(folder: Path) -> dict[str, Any]:
    """Returns the record of a run, from its folder."""
    summary, origin = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("summary", "provenance")
    )
    dense = Path(f"outputs/dense/{summary['dense_checkpoint']}/manifest.json")
    made_from = json.loads(dense.read_text())["made_from"] if dense.exists() else {}
    made_from.pop("source", None)  # It names the runner's packages.
    return {
        "recipe_hash": origin["recipe_hash"],
        **{name: (folder / name).read_text() for name in ("recipe.yaml", "plan.csv", "sparsity.csv")},
        "summary.json": described(summary),
        "provenance.json": list(origin),
        "dense_key_made_from": described(made_from),
        "files": files_in(folder),
        "mlflow": logged(summary["mlflow_run_id"]),
        "weights": weights_in(folder / "model.keras"),
    }


def train(names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Trains every recipe, and gives the record of each run and sweep by its name."""
    commands = {"everything": EVERYTHING}
    for name in RECIPES:
        folder, line = name.rpartition("/")[0], small(name)
        sweep = f"runner --multirun 'recipe=glob({folder}/*)' {line}"
        assert commands.setdefault(
            folder or name, sweep if folder else f"runner recipe={name} {line}"
        ).endswith(line)
    trains_as: dict[str, str] = {}
    for name in names or commands:
        before = set(Path("outputs").rglob("summary.json"))
        output(commands[name])
        for path in sorted(set(Path("outputs").rglob("summary.json")) - before):
            record = finished(path.parent)
            tags = record["mlflow"]["tags"]
            called = name if name == "everything" else tags["recipe"]
            record["mlflow"]["tags"] = list(tags)
            # Runs of one group differ by chance alone; the digits themselves hold the runner's source.
            group = trains_as.setdefault(tags["group_fingerprint"], called)
            yield f"runs/{called}", {"command": commands[name], "trains_as": group, **record}
        if "--multirun" in commands[name]:
            home = path.parent.parent
            tables = {
                file.name: next(csv.reader(file.open(newline=""))) for file in sorted(home.glob("*.csv"))
            }
            parent = logged(tags["mlflow.parentRunId"])
            parent["tags"] = list(parent["tags"])
            yield f"sweeps/{name}", {"files": files_in(home), "columns": tables, "mlflow": parent}


def surface() -> dict[str, Any]:
    """Returns what the commands print without training, and the engine's names."""
    from runner import pruning

    [file] = Path("outputs").glob("runs/*_mnist_2x4/model_float32.tflite")
    status, checked, _ = run(f"runner.check {file} --m-by-n 2x4 --json")
    return {
        "help": {name: output(f"{name} --help") for name in ("runner", "runner.check", "runner.compare")},
        "check --json": {"status": status, **described(json.loads(checked), typed=True)},
        "dry run": {
            name: output(f"runner recipe={name} {small(name)} dry_run=true")
            for name in ("two_conv_2x4", "mnist_polynomial")
        },
        "runner.pruning": {name: signatures(getattr(pruning, name)) for name in sorted(pruning.__all__)},
        "--cfg job": {name: output(f"runner --cfg job recipe={name}") for name in RECIPES},
    }


def signatures(public: Any) -> Any:
    """Returns the signature of a function, or those of a class and of the public methods that it defines."""
    if inspect.isclass(public):
        own = {name for base in public.__mro__ if base.__module__.startswith("runner") for name in vars(base)}
        members = {n: inspect.getattr_static(public, n) for n in sorted(own) if not n.startswith("_")}
        return {"": _bare(public), **{n: _bare(member) for n, member in members.items()}}
    return _bare(public)


def _bare(public: Any) -> str:
    if not callable(public):
        return type(public).__name__
    signature = inspect.signature(public)
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))


def wrong_input() -> list[dict[str, Any]]:
    """Gives each case of `wrong_input.yaml` to the commands."""
    cases: list[dict[str, Any]] = yaml.safe_load((HERE / "wrong_input.yaml").read_text())
    for case in cases:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            if "recipe" in case:
                Path("recipes").mkdir()
                Path("recipes/bad.yaml").write_text(case["recipe"])
            case["status"], _, case["stderr"] = run(case["command"])
    return cases


class _Dumper(yaml.SafeDumper):
    """Writes lines of text as lines."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, "|" if "\n" in text else None
    ),
)


def main(into: Path, names: list[str]) -> None:
    for name in [name for name in os.environ if name.startswith(("HYDRA", "TF_", "MLFLOW"))]:
        del os.environ[name]
    sys.path[0] = str(ROOT)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        place = {"KERAS_HOME": folder, "GIT_CEILING_DIRECTORIES": str(Path(folder).parent)}
        os.environ.update(COLUMNS="80", CUDA_VISIBLE_DEVICES="-1", **place)
        records: dict[str, Any] = dict(train(names))
        records |= {"surface": surface(), "wrong_input": wrong_input(), "machine": machine()}
    for name, record in records.items():
        path = into / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        layout: dict[str, Any] = {"sort_keys": False, "width": 110, "default_flow_style": None}
        path.write_text(yaml.dump(record, Dumper=_Dumper, allow_unicode=True, **layout))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE, sys.argv[2:])
