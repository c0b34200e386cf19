import hashlib
from pathlib import Path

import pytest

from runner.errors import UserError
from runner.models.content import model_content
from runner.recipe.schema import Model


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
