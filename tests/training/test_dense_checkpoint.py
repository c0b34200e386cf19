import errno
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from runner.models.load_weights import load_weights
from runner.process.errors import RunFailed
from runner.training.dense_checkpoint import (
    DamagedCheckpoint,
    DenseCheckpoint,
    DenseResult,
    load_checkpoint,
    shared_checkpoint,
)
from runner.training.dense_key import dense_key

ROOT = Path(__file__).resolve().parents[2]
MADE_FROM = {"seed": 1, "model": {"name": "tiny", "blocks": (1, 2)}}
KEY = dense_key(MADE_FROM)
RESULT = DenseResult(
    loss=0.1 + 0.2,
    accuracy=2 / 3,
    steps=6,
    seconds=1.5,
    history=((3, {"loss": 0.5, "val_loss": 0.75}), (6, {"loss": 0.25, "val_loss": 0.5})),
)


def tiny(units: int = 3) -> tf_keras.Model:
    return tf_keras.Sequential(
        [
            layers.Input((2,)),
            layers.Dense(units, name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(1, name="output"),
        ]
    )


class Job:
    """What one run does: asks for the dense weights of one model."""

    def __init__(
        self,
        store: Path,
        made_from: dict[str, Any] | None = None,
        units: int = 3,
        sweep: str | None = None,
    ) -> None:
        self.store, self.made_from, self.sweep = store, made_from or MADE_FROM, sweep
        self.model = tiny(units)
        self.first = self.model.get_weights()
        self.began_with: list[Any] = []
        self.warned: list[str] = []
        self.waited: list[str] = []

    def run(self) -> DenseCheckpoint:
        return shared_checkpoint(
            self.store,
            self.made_from,
            self.model,
            train=self.train,
            on_wait=self.waited.append,
            warn=self.warned.append,
            sweep=self.sweep,
        )

    def train(self) -> tuple[list[Any], DenseResult]:
        self.began_with = self.model.get_weights()
        rng = np.random.default_rng(5)
        return [rng.normal(size=w.shape).astype(np.float32) for w in self.began_with], RESULT

    @property
    def trained(self) -> bool:
        return bool(self.began_with)


def same(one: list[Any], other: list[Any]) -> bool:
    return [a.tobytes() for a in one] == [b.tobytes() for b in other]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / "dense"


@pytest.fixture
def kept(store: Path) -> Path:
    """A folder of a checkpoint."""
    return Job(store).run().folder


def test_the_first_trains_and_the_next_have_its_weights_and_results(store: Path) -> None:
    first, second = Job(store), Job(store)

    made, found = first.run(), second.run()

    assert (first.trained, second.trained) == (True, False)
    assert same(first.model.get_weights(), second.model.get_weights())
    assert same(first.model.get_weights(), first.train()[0])
    assert (made.reused, found.reused) == (False, True)
    assert made.folder == found.folder == store / KEY
    assert made.key == found.key == KEY
    assert made.result == found.result == RESULT
    assert first.warned + second.warned + first.waited + second.waited == []


def test_what_is_kept(kept: Path) -> None:
    assert sorted(path.name for path in kept.iterdir()) == ["dense.weights.h5", "manifest.json"]
    assert sorted(path.name for path in kept.parent.iterdir()) == [f".{KEY}.lock", KEY]
    manifest = json.loads((kept / "manifest.json").read_text())
    assert len(manifest.pop("manifest_sha256")) == 64
    assert manifest == {
        "key": KEY,
        "made_from": {"seed": 1, "model": {"name": "tiny", "blocks": [1, 2]}},
        "weights": "dense.weights.h5",
        "sha256": hashlib.sha256((kept / "dense.weights.h5").read_bytes()).hexdigest(),
        "shapes": ["2x3", "3", "3", "3", "3", "3", "3x1", "1"],
        "result": {"loss": 0.1 + 0.2, "accuracy": 2 / 3, "steps": 6, "seconds": 1.5},
        "history": [
            {"step": 3, "metrics": {"loss": 0.5, "val_loss": 0.75}},
            {"step": 6, "metrics": {"loss": 0.25, "val_loss": 0.5}},
        ],
    }


def test_the_file_is_one_that_recipes_can_name_as_weights(kept: Path) -> None:
    model = tiny()

    load_weights(model, kept / "dense.weights.h5")

    assert same(model.get_weights(), Job(kept.parent).train()[0])


def test_other_ingredients_have_a_checkpoint_of_their_own(store: Path, kept: Path) -> None:
    other = Job(store, {**MADE_FROM, "seed": 2})

    assert other.run().folder != kept
    assert other.trained
    assert len([path for path in store.iterdir() if path.is_dir()]) == 2


def no_weights(folder: Path) -> None:
    (folder / "dense.weights.h5").unlink()


def no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def one_bit(folder: Path) -> None:
    path = folder / "dense.weights.h5"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def cut_off(folder: Path) -> None:
    path = folder / "dense.weights.h5"
    path.write_bytes(path.read_bytes()[:-100])


def half_a_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text()[:40])


def a_manifest_without(key: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != key}))

    damage.__name__ = f"no_{key}"
    return damage


def of_another_seed(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 2'))


def a_better_accuracy(folder: Path) -> None:
    path = folder / "manifest.json"
    content = path.read_text()
    assert '"accuracy": 0.6666666666666666' in content
    path.write_text(content.replace('"accuracy": 0.6666666666666666', '"accuracy": 0.99'))


def a_list(folder: Path) -> None:
    (folder / "manifest.json").write_text("[]")


def not_a_weights_file(folder: Path) -> None:
    (folder / "dense.weights.h5").write_bytes(b"abc")
    with_its_checksum(folder)


def weights_that_are_elsewhere(folder: Path) -> None:
    with h5py.File(folder / "dense.weights.h5", "a") as file:
        kernel = file["layers/dense/vars/0"]
        shape, there = kernel.shape, [(__file__, 0, kernel.nbytes)]
        del file["layers/dense/vars/0"]
        file.create_dataset("layers/dense/vars/0", shape, "f4", external=there)
    with_its_checksum(folder)


def weights_that_are_nowhere(folder: Path) -> None:
    with h5py.File(folder / "dense.weights.h5", "a") as file:
        del file["layers/dense/vars/0"]
        file.create_dataset("layers/dense/vars/0", (10**12,), "f4")
    with_its_checksum(folder)


def with_its_checksum(folder: Path) -> None:
    """Makes the checksum right for weights whose content is not."""
    path, weights = folder / "manifest.json", folder / "dense.weights.h5"
    manifest = json.loads(path.read_text())
    del manifest["manifest_sha256"]
    manifest["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    own = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({**manifest, "manifest_sha256": own}))


def a_nested_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("[" * 100_000)


def a_file(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("mine")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (no_weights, "it has no dense.weights.h5"),
        (no_manifest, "it has no manifest.json"),
        (one_bit, "its dense.weights.h5 does not have the checksum that manifest.json gives"),
        (cut_off, "its dense.weights.h5 does not have the checksum that manifest.json gives"),
        (half_a_manifest, "its manifest.json cannot be read: "),
        (a_manifest_without("sha256"), "its manifest.json cannot be read: 'sha256'"),
        (a_manifest_without("result"), "its manifest.json cannot be read: 'result'"),
        (of_another_seed, "its manifest.json is not as it was written"),
        (a_better_accuracy, "its manifest.json is not as it was written"),
        (a_list, "its manifest.json cannot be read: "),
        (not_a_weights_file, "its dense.weights.h5 does not load: "),
        (
            weights_that_are_elsewhere,
            "its dense.weights.h5: '/layers/dense/vars/0': an array that is kept in other files",
        ),
        (
            weights_that_are_nowhere,
            "its dense.weights.h5: '/layers/dense/vars/0': an array of 4,000,000,000,000",
        ),
        (a_nested_manifest, "its manifest.json cannot be read: "),
        (a_file, "its manifest.json cannot be read: [Errno 20] Not a directory"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_damaged_one_is_set_aside_and_made_anew_with_a_warning(
    kept: Path, damage: Callable[[Path], None], told: str
) -> None:
    sound = {path.name: path.read_bytes() for path in kept.iterdir()}
    damage(kept)
    broken = kept.read_bytes() if kept.is_file() else {p.name: p.read_bytes() for p in kept.iterdir()}
    job, later = Job(kept.parent), Job(kept.parent)

    made = job.run()

    [warning] = job.warned
    assert warning.startswith(f"the dense checkpoint {kept} is damaged ({told}")
    assert warning.endswith(f"). It is moved to {KEY}_damaged, and the dense weights are trained anew.")
    assert not made.reused
    # A file that was read half has not changed where training begins.
    assert same(job.began_with, job.first)
    aside = kept.with_name(f"{KEY}_damaged")
    kept_aside = aside.read_bytes() if aside.is_file() else {p.name: p.read_bytes() for p in aside.iterdir()}
    assert kept_aside == broken
    assert later.run().reused
    assert same(later.model.get_weights(), job.model.get_weights())
    assert (later.warned, sorted(sound)) == ([], sorted(path.name for path in kept.iterdir()))


def test_a_damaged_one_in_a_folder_that_is_read_only_is_told(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, target: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    cut_off(kept)
    monkeypatch.setattr(Path, "rename", refuse)
    job = Job(kept.parent)

    with pytest.raises(RunFailed) as failed:
        job.run()

    told = "is a damaged dense checkpoint and cannot be moved away (Read-only file system)"
    assert str(failed.value) == f"{kept}: {told}"
    assert not job.trained


def test_damaged_ones_do_not_replace_each_other(kept: Path) -> None:
    for _ in range(3):
        no_manifest(kept)
        Job(kept.parent).run()

    names = sorted(path.name for path in kept.parent.iterdir() if path.is_dir())
    assert names == [KEY, f"{KEY}_damaged", f"{KEY}_damaged_2", f"{KEY}_damaged_3"]


def test_weights_of_another_model_are_damage(kept: Path) -> None:
    job = Job(kept.parent, units=4)

    job.run()

    assert "(its weights have other shapes than the model's)" in job.warned[0]
    assert same(job.began_with, job.first)


@pytest.mark.parametrize("error", [RunFailed("the loss became nan"), KeyboardInterrupt()])
def test_a_training_that_does_not_end_leaves_nothing(store: Path, error: BaseException) -> None:
    def fail() -> Any:
        raise error

    job = Job(store)
    job.train = fail  # type: ignore[method-assign]

    with pytest.raises(type(error)):
        job.run()

    assert [path.name for path in store.iterdir()] == [f".{KEY}.lock"]
    assert same(job.model.get_weights(), job.first)
    assert not Job(store).run().reused


@pytest.mark.parametrize("when", ["save_weights", "load_weights"])
def test_an_interruption_while_it_is_written_leaves_a_whole_one_or_none(
    store: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    job = Job(store)
    with monkeypatch.context() as patch:
        patch.setattr(tf_keras.Sequential, when, interrupted)
        with pytest.raises(KeyboardInterrupt):
            job.run()

    names = {path.name for path in store.iterdir()}
    assert names == {f".{KEY}.lock"} | ({KEY} if when == "load_weights" else set())
    following = Job(store)
    assert following.run().reused == (when == "load_weights")
    assert following.warned == []


def test_what_a_killed_process_left_half_written_is_swept_away(store: Path) -> None:
    part = store / f".{KEY}.part"
    part.mkdir(parents=True)
    (part / "dense.weights.h5").write_bytes(b"half")

    assert not Job(store).run().reused

    assert not part.exists()


def test_weights_that_keras_does_not_read_back_as_written_fail_the_run(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(model: tf_keras.Model, path: Path) -> None:
        model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])

    monkeypatch.setattr(tf_keras.Sequential, "load_weights", careless)

    with pytest.raises(RunFailed, match=r"dense.weights.h5: Keras does not read back the weights"):
        Job(store).run()


def test_a_store_that_cannot_be_made_fails_the_run_and_names_it(tmp_path: Path) -> None:
    store = tmp_path / "dense"
    store.write_text("mine")

    with pytest.raises(RunFailed) as failed:
        Job(store).run()

    assert str(failed.value) == f"{store / KEY}: the dense weights cannot be kept there (File exists)"
    assert store.read_text() == "mine"


class Failing(Job):
    """A job whose dense training fails."""

    def train(self) -> tuple[list[Any], DenseResult]:
        super().train()
        raise RunFailed("dense training: the loss became nan at step 2")


def failure_of(job: Job) -> str:
    with pytest.raises(RunFailed) as failed:
        job.run()
    return str(failed.value)


def test_a_training_that_failed_is_not_tried_again_by_the_same_sweep(store: Path) -> None:
    first, second = Failing(store, sweep="a"), Job(store, sweep="a")

    assert failure_of(first) == failure_of(second) == "dense training: the loss became nan at step 2"
    assert (first.trained, second.trained) == (True, False)
    # Other weights are none of this failure's business.
    assert Job(store, {"seed": 2}, sweep="a").run().result == RESULT


@pytest.mark.parametrize("sweep", ["b", None])
def test_another_sweep_and_a_run_by_itself_try_again(store: Path, sweep: str | None) -> None:
    failure_of(Failing(store, sweep="a"))

    assert Job(store, sweep=sweep).run().result == RESULT
    assert not list(store.glob(".*.json"))


def test_an_interrupted_training_has_not_failed(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as interrupted:
        interrupted.setattr("runner.process.interruption._reasons", ["interrupted"])
        failure_of(Failing(store, sweep="a"))

    assert Job(store, sweep="a").run().result == RESULT


def test_what_remembers_a_failure_may_be_damaged(store: Path) -> None:
    failure_of(Failing(store, sweep="a"))
    [marker] = store.glob(".*.json")
    marker.write_text("[")

    assert Job(store, sweep="a").run().result == RESULT


def test_reading_alone_writes_nothing(store: Path) -> None:
    assert load_checkpoint(store / KEY, MADE_FROM) is None
    assert not store.exists()

    folder = Job(store).run().folder
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    assert load_checkpoint(folder, MADE_FROM) == RESULT
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before
    with pytest.raises(DamagedCheckpoint, match="something else than its name says"):
        load_checkpoint(folder, {"seed": 2})


JOB = """
import sys, time
from pathlib import Path
from tests.training.test_dense_checkpoint import Job

name, place = sys.argv[1], Path(sys.argv[2])

class Slow(Job):
    def train(self):
        (place / f"{name}_trains").touch()
        while not (place / "go").exists():
            time.sleep(0.02)
        return super().train()

job = Slow(place / "dense")
job.waited = type("Told", (), {"append": lambda self, told: (place / f"{name}_waits").write_text(told)})()
made = job.run()
print(made.reused, job.trained, len(job.warned), job.model.get_weights()[0].tobytes().hex())
"""


@pytest.fixture
def three(tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Processes that ask for one checkpoint at once and train it until there is a file `go`."""
    started = {
        name: subprocess.Popen(
            [sys.executable, "-c", JOB, name, str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two", "three")
    }
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


def until(place: Path, pattern: str, how_many: int) -> set[str]:
    """Waits for files; returns the first part of their names."""
    end = time.monotonic() + 120
    while len(found := {path.name.partition("_")[0] for path in place.glob(pattern)}) < how_many:
        assert time.monotonic() < end, f"there are only {len(found)} {pattern}"
        time.sleep(0.02)
    return found


@pytest.mark.slow
def test_of_several_processes_one_trains_and_if_it_is_killed_another(
    tmp_path: Path, three: dict[str, subprocess.Popen[str]]
) -> None:
    [first] = until(tmp_path, "*_trains", 1)
    waiting = until(tmp_path, "*_waits", 2)
    assert waiting == set(three) - {first}
    assert until(tmp_path, "*_trains", 1) == {first}
    folder = tmp_path / "dense" / KEY
    told = f"waiting for another job, which trains the dense weights {folder}"
    assert [path.read_text() for path in tmp_path.glob("*_waits")] == [told] * 2

    three[first].kill()
    [second] = until(tmp_path, "*_trains", 2) - {first}
    (tmp_path / "go").touch()

    said = {name: three[name].communicate(timeout=120)[0].split() for name in waiting}
    [third] = waiting - {second}
    assert said[second][:3] == ["False", "True", "0"]
    assert said[third][:3] == ["True", "False", "0"]
    assert said[second][3] == said[third][3]
    assert load_checkpoint(folder, MADE_FROM) == RESULT
