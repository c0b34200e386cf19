"""Data that was looked up once for many runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runner.datasets import ResolvedData, data_key, load_resolved, loading, resolve
from runner.process.errors import UserError
from runner.recipe.recipe import Data


def written(path: Path, value: float) -> Data:
    x, y = np.full((8, 4), value, np.float32), np.arange(8) % 2
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    return Data(name="npz", path=str(path))


def test_equal_requests_share_a_key(tmp_path: Path) -> None:
    asked = Data(name="npz", path="a.npz")
    assert data_key(asked) == data_key(replace(asked, validation_split=0.5))
    others = [
        replace(asked, name="mnist"),
        replace(asked, path="b.npz"),
        replace(asked, fallback="digits"),
        replace(asked, arguments={"classes": 3}),
    ]
    assert len({data_key(asked), *map(data_key, others)}) == 5


def test_a_process_loads_it_once(tmp_path: Path) -> None:
    asked = written(tmp_path / "a.npz", 1.0)
    found = resolve(asked)
    first = load_resolved(asked, found)
    (tmp_path / "a.npz").unlink()
    assert load_resolved(replace(asked, validation_split=0.5), found) is first
    assert (first.source, first.sha256) == (found.source, found.sha256)


def test_only_the_last_is_held(tmp_path: Path) -> None:
    for name in ("a", "b"):
        resolve(written(tmp_path / f"{name}.npz", 1.0))
    assert len(loading._KEPT) == 1


def test_another_content_is_refused(tmp_path: Path) -> None:
    asked = written(tmp_path / "a.npz", 1.0)
    found = resolve(asked)
    loading._KEPT.clear()  # As in another process.
    written(tmp_path / "a.npz", 2.0)
    with pytest.raises(UserError, match="the content of 'npz' is not what it was when the sweep began"):
        load_resolved(asked, found)


def test_a_fallback_is_taken_by_all_even_where_the_data_has_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    asked = Data(name="mnist", fallback="digits")
    digits = resolve(Data(name="digits"))
    loading._KEPT.clear()
    images, labels = np.zeros((4, 28, 28), np.uint8), np.arange(4)
    np.savez(
        tmp_path / "datasets" / "mnist.npz", x_train=images, y_train=labels, x_test=images, y_test=labels
    )
    loaded = load_resolved(asked, ResolvedData("digits", digits.sha256))
    assert (loaded.source, loaded.requested, loaded.fell_back) == ("digits", "mnist", True)
    assert loaded.note is not None
    assert loaded.note.startswith("'digits' in place of 'mnist': it could not be had when the sweep began")
