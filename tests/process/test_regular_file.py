import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.datasets import load_dataset
from runner.models.content import model_content
from runner.models.saved import load_saved_model
from runner.models.weights_file import read_weights_file
from runner.process.errors import UserError
from runner.process.regular_file import check_regular
from runner.recipe.recipe import Data, Model


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
