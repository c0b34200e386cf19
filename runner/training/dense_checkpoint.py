"""Dense checkpoints on disk: a folder each, named by its key, written atomically, verified when it is read.

<outputs>/dense/<key>/dense.weights.h5   the weights; `model.weights` of a recipe reads it too
<outputs>/dense/<key>/manifest.json      its checksum, what it was made from, and its results
<outputs>/dense/.<key>.lock              held by the process that makes the folder
<outputs>/dense/.<key>.failed.json       see `dense_failure`
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import h5py
import tf_keras
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from runner.models.containers import check_hdf5, most_bytes
from runner.models.refused import ModelRefused
from runner.process.errors import RunFailed
from runner.process.unwritable import unwritable_told
from runner.training.dense_failure import forget_failure, known_failure, remember_failure
from runner.training.dense_key import dense_key

_WEIGHTS, _MANIFEST, _OWN_SHA256 = "dense.weights.h5", "manifest.json", "manifest_sha256"
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class DenseResult:
    """How good the dense weights are, and what they cost.

    Args:
        loss: On the test set.
        accuracy: On the test set; None for regression.
        steps: Training steps.
        seconds: That the training took.
        history: Each step at which something was measured, with its metrics, named as Keras names them:
            `loss`, `val_accuracy`.
    """

    loss: float
    accuracy: float | None
    steps: int
    seconds: float
    history: tuple[tuple[int, Mapping[str, float]], ...]

    @property
    def scores(self) -> dict[str, float]:
        """`loss` and, for classification, `accuracy`, as a task names them."""
        return {"loss": self.loss} | ({} if self.accuracy is None else {"accuracy": self.accuracy})


@dataclass(frozen=True)
class DenseCheckpoint:
    """A checkpoint that has been proven whole.

    Args:
        folder: Where it is; the folder's name is the key.
        result: See `DenseResult`.
        reused: Whether it was there before, from another run.
    """

    folder: Path
    result: DenseResult
    reused: bool

    @property
    def key(self) -> str:
        """Sums up what the weights were made from."""
        return self.folder.name


class DamagedCheckpoint(Exception):
    """A checkpoint is there but cannot be trusted; the message says why."""


def shared_checkpoint(
    store: Path,
    ingredients: Mapping[str, Any],
    model: tf_keras.Model,
    *,
    train: Callable[[], tuple[list[NDArray[Any]], DenseResult]],
    on_wait: Callable[[str], None],
    warn: Callable[[str], None],
    sweep: str | None = None,
) -> DenseCheckpoint:
    """Puts the dense weights of the given ingredients into a model, training them if no run did before.

    Of several processes that ask at once, one trains and the others wait for it. If it dies, another takes
    over.

    Args:
        store: The folder of all checkpoints.
        ingredients: What the weights depend on; see `dense_ingredients`.
        model: Gets the weights; they come from the file in every case.
        train: Gives the trained weights, in the order of `model.get_weights()`, and leaves `model` alone.
        on_wait: Called with a message where another process trains meanwhile.
        warn: Called with a message where a checkpoint is found damaged, set aside and made again.
        sweep: The sweep that asks; where the training failed in one of its jobs, the others fail at once, for
            the same reason. None for a run by itself.

    Raises:
        RunFailed: The training failed, here or in another job of the sweep, or the checkpoint cannot be kept;
            nothing is stored then.
    """
    folder = store / dense_key(ingredients)
    try:
        result = load_checkpoint(folder, ingredients, model)
    except DamagedCheckpoint:
        result = None  # Whoever holds the lock may be mending it.
    if result is not None:
        return DenseCheckpoint(folder, result, reused=True)
    with _locked(folder, on_wait):
        try:
            result = load_checkpoint(folder, ingredients, model)
        except DamagedCheckpoint as damage:
            aside = _set_aside(folder)
            warn(
                f"the dense checkpoint {folder} is damaged ({damage}). It is moved to {aside.name}, and the"
                " dense weights are trained anew."
            )
        if result is not None:
            return DenseCheckpoint(folder, result, reused=True)
        with _failure_remembered(folder, sweep):
            weights, trained = train()
        model.set_weights(weights)
        _write(folder, ingredients, model, trained)
        forget_failure(folder)
        result = _read_back(folder, ingredients, model, weights)
    return DenseCheckpoint(folder, result, reused=False)


@contextmanager
def _failure_remembered(folder: Path, sweep: str | None) -> Iterator[None]:
    """Trains once in a sweep: what has failed in another of its jobs fails for the same reason."""
    failed = known_failure(folder, sweep)
    if failed is not None:
        raise RunFailed(failed)
    try:
        yield
    except RunFailed as error:
        remember_failure(folder, sweep, error)
        raise


def _read_back(
    folder: Path, ingredients: Mapping[str, Any], model: tf_keras.Model, weights: list[NDArray[Any]]
) -> DenseResult:
    """Reads a checkpoint that was just written into the model, whose weights must be those given."""
    try:
        result = load_checkpoint(folder, ingredients, model)
    except DamagedCheckpoint as damage:
        raise RunFailed(f"{folder}: what was just written cannot be read back ({damage})") from damage
    assert result is not None, "the folder was just written, and nobody deletes under the lock"
    for written, read in zip(weights, model.get_weights(), strict=True):
        if written.tobytes() != read.tobytes():
            raise RunFailed(f"{folder / _WEIGHTS}: Keras does not read back the weights that it wrote")
    return result


def load_checkpoint(
    folder: Path, ingredients: Mapping[str, Any], model: tf_keras.Model | None = None
) -> DenseResult | None:
    """Reads a checkpoint and proves that it is whole and what was asked for.

    Args:
        folder: The checkpoint's.
        ingredients: What it must have been made from.
        model: Gets the weights; None only reads. A damaged checkpoint leaves it as it was.

    Returns:
        None where there is no checkpoint.

    Raises:
        DamagedCheckpoint: A file is missing or unreadable, the weights do not have the manifest's checksum,
            were made from something else, or do not fit the model.
    """
    if not folder.exists():
        return None
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        history = tuple((entry["step"], entry["metrics"]) for entry in manifest["history"])
        result = DenseResult(**manifest["result"], history=history)
        made_from, expected, shapes = manifest["made_from"], manifest["sha256"], manifest["shapes"]
        own = manifest.pop(_OWN_SHA256)
        found = _sha256(folder / _WEIGHTS)
    except FileNotFoundError as error:
        raise DamagedCheckpoint(f"it has no {Path(error.filename).name}") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedCheckpoint(f"its {_MANIFEST} cannot be read: {error}") from error
    if own != _content_sha256(manifest):
        raise DamagedCheckpoint(f"its {_MANIFEST} is not as it was written")
    if found != expected:
        raise DamagedCheckpoint(f"its {_WEIGHTS} does not have the checksum that {_MANIFEST} gives")
    if made_from != json.loads(json.dumps(ingredients)):
        raise DamagedCheckpoint("it was made from something else than its name says")
    if model is not None:
        if shapes != _shapes(model):
            raise DamagedCheckpoint("its weights have other shapes than the model's")
        _load_weights(folder / _WEIGHTS, model)
    return result


def _load_weights(path: Path, model: tf_keras.Model) -> None:
    before = model.get_weights()
    try:
        with h5py.File(path, "r") as file:
            check_hdf5(file, most_bytes(path))
        model.load_weights(path)
    except ModelRefused as refused:
        raise DamagedCheckpoint(f"its {path.name}: {refused}") from refused
    except (ValueError, TypeError, KeyError, OSError, RuntimeError) as error:
        model.set_weights(before)
        raise DamagedCheckpoint(f"its {path.name} does not load: {error}") from error


def _write(folder: Path, ingredients: Mapping[str, Any], model: tf_keras.Model, result: DenseResult) -> None:
    """Writes a checkpoint under another name, then gives it its own: nobody sees half of it."""
    temporary = folder.with_name(f".{folder.name}.part")
    content = {
        "key": folder.name,
        "made_from": ingredients,
        "weights": _WEIGHTS,
        "sha256": "",
        "shapes": _shapes(model),
        "result": {name: getattr(result, name) for name in ("loss", "accuracy", "steps", "seconds")},
        "history": [{"step": step, "metrics": metrics} for step, metrics in result.history],
    }
    try:
        with unwritable_told(folder):
            shutil.rmtree(temporary, ignore_errors=True)  # of a process that was killed here
            temporary.mkdir()
            model.save_weights(temporary / _WEIGHTS)
            content["sha256"] = _sha256(temporary / _WEIGHTS)
            content[_OWN_SHA256] = _content_sha256(content)
            (temporary / _MANIFEST).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            temporary.rename(folder)
    except OSError as error:
        raise RunFailed(f"{folder}: the dense weights cannot be kept ({_reason(error)})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _set_aside(folder: Path) -> Path:
    for number in count(1):
        aside = folder.with_name(f"{folder.name}_damaged" + (f"_{number}" if number > 1 else ""))
        if not aside.exists():
            try:
                return folder.rename(aside)
            except OSError as error:
                raise RunFailed(
                    f"{folder}: is a damaged dense checkpoint and cannot be moved away ({_reason(error)})"
                ) from error
    raise AssertionError("counting does not end")


@contextmanager
def _locked(folder: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    # The operating system lets go of the lock of a process that dies, however it dies.
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait(f"waiting for another job, which trains the dense weights {folder}")
            lock.acquire(poll_interval=_POLL_SECONDS)
    except OSError as error:
        raise RunFailed(f"{folder}: the dense weights cannot be kept there ({_reason(error)})") from error
    try:
        yield
    finally:
        lock.release()


def _shapes(model: tf_keras.Model) -> list[str]:
    return ["x".join(map(str, weight.shape)) for weight in model.get_weights()]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content_sha256(content: Mapping[str, Any]) -> str:
    # As JSON reads it back, where tuples are lists and keys are texts.
    plain = json.loads(json.dumps(content))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
