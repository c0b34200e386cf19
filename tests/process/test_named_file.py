import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.datasets import load_dataset
from runner.models.building import build_model
from runner.models.content import model_content
from runner.models.saved import load_saved_model
from runner.models.weights_file import read_weights_file
from runner.process.errors import UserError
from runner.process.named_file import check_regular, named_path
from runner.recipe.recipe import Data, Model
from runner.tracking.database import database_path


def _in_a_folder(pipe: Path) -> None:
    folder = pipe.parent / "cifar"
    folder.mkdir()
    (folder / "data_batch_1").symlink_to(pipe)
    load_dataset(Data(name="cifar10", path=str(folder)))


READERS: dict[str, Callable[[Path], object]] = {
    "npz": lambda pipe: load_dataset(Data(name="npz", path=str(pipe))),
    "mnist": lambda pipe: load_dataset(Data(name="mnist", path=str(pipe))),
    "cifar10": lambda pipe: load_dataset(Data(name="cifar10", path=str(pipe))),
    "cifar10 in a folder": _in_a_folder,
    "model.path": load_saved_model,
    "model.weights": lambda pipe: read_weights_file(pipe, "recipe.model.weights"),
    "the content of model.path": lambda pipe: model_content(Model(path=str(pipe))),
    "the content of model.weights": lambda pipe: model_content(Model(name="mnist_cnn", weights=str(pipe))),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("reader", READERS)
def test_no_reader_waits_for_a_pipe(reader: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.keras"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match=r"^recipe\..*: this is a pipe, a device or a socket"):
        READERS[reader](pipe)


def test_files_folders_and_what_is_missing_are_left_to_the_reader(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file", tmp_path / "none"):
        check_regular(path, "here")
    with pytest.raises(UserError, match=r"^here: this is a pipe, a device"):
        check_regular(Path("/dev/zero"), "here")


NAMED: dict[str, Callable[[str], object]] = {
    "recipe.data.path": lambda path: load_dataset(Data(name="npz", path=path)),
    "recipe.model.path": lambda path: build_model(Model(path=path), input_shape=(4,), num_classes=2),
    "recipe.model.weights": lambda path: build_model(
        Model(name="mnist_cnn", weights=path), input_shape=(28, 28, 1), num_classes=10
    ),
    "tracking.uri": lambda path: database_path(f"sqlite:///{path}", "tracking.uri"),
}


@pytest.mark.parametrize("key", NAMED)
def test_a_path_that_no_system_takes_is_one_message(key: str) -> None:
    with pytest.raises(UserError, match=rf"^{key}: ~nosuchuser/x.keras: there is no home folder ~nosuchuser"):
        NAMED[key]("~nosuchuser/x.keras")
    with pytest.raises(UserError, match=rf"^{key}: .*/aaa.*: cannot be read \(File name too long\)"):
        NAMED[key]("a" * 300)


def test_the_content_of_such_a_model_is_no_traceback_either() -> None:
    with pytest.raises(UserError, match=r"^recipe\.model\.path: ~nosuchuser/x: there is no home folder"):
        model_content(Model(path="~nosuchuser/x"))


def test_a_home_folder_and_the_current_directory_are_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.chdir(tmp_path)
    assert named_path("~/a.npz", "here") == Path("/home/somebody/a.npz")
    assert named_path("b/a.npz", "here") == tmp_path / "b" / "a.npz"
