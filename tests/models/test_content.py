import hashlib
from pathlib import Path

import pytest

from runner.models.content import model_content, with_content
from runner.process.errors import UserError
from runner.recipe.recipe import Model


def test_each_named_file_is_summed_up_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.keras").write_bytes(b"abc")
    large = b"0123456789" * 1_000_000
    (tmp_path / "trained.weights.h5").write_bytes(large)

    found = model_content(Model(path="model.keras", weights=str(tmp_path / "trained.weights.h5")))

    assert found == {
        "path": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "weights": hashlib.sha256(large).hexdigest(),
    }


def test_a_model_by_name_has_no_files() -> None:
    assert model_content(Model(name="mnist_cnn")) == {}


def test_a_file_that_is_not_there_is_named_with_its_key(tmp_path: Path) -> None:
    missing = tmp_path / "no.weights.h5"

    with pytest.raises(UserError) as refused:
        model_content(Model(name="mnist_cnn", weights=str(missing)))

    assert (
        str(refused.value) == f"recipe.model.weights: {missing}: cannot be read (No such file or directory)"
    )


def test_what_is_loaded_comes_with_its_content(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"one")
    model = Model(path=str(path))
    assert with_content(model, path.read_bytes) == (b"one", model_content(model))


@pytest.mark.parametrize("first", [b"one", None])
def test_a_file_that_changes_while_it_is_loaded_is_refused(tmp_path: Path, first: bytes | None) -> None:
    path = tmp_path / "w.h5"
    if first is not None:
        path.write_bytes(first)
    with pytest.raises(UserError, match=r"^recipe\.model\.weights: .*w\.h5: was changed while it was loaded"):
        with_content(Model(name="mnist_cnn", weights=str(path)), lambda: path.write_bytes(b"two"))


def test_what_is_wrong_with_a_file_is_told_by_what_loads_it(tmp_path: Path) -> None:
    def load() -> None:
        raise UserError("there is no such file")

    with pytest.raises(UserError, match=r"^there is no such file$"):
        with_content(Model(path=str(tmp_path / "gone.keras")), load)
