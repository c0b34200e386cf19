import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from runner import __version__
from runner.recipe.recipe import Recipe
from runner.records.fingerprint import Ingredients
from runner.records.provenance import computed_with, device, git_state, provenance
from runner.records.source_content import source_content
from runner.settings import RunSettings

RECIPE = Recipe.from_mapping(
    {
        "model": {"name": "two_conv"},
        "training": {"epochs": 1, "batch_size": 8},
        "layers": {"all": {"targets": "*", "m_by_n": "2x4"}},
    },
    name="own",
    source="recipes/own.yaml",
)


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(
        ["git", "-C", str(folder), *author, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "recipe.yaml").write_text("a: 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def origin(folder: Path) -> dict[str, Any]:
    settings = RunSettings(seed=7, threads=2, argv=("runner", "recipe=mnist_2x4", "seed=7"))
    ingredients = Ingredients(
        data="f" * 64,
        computed_with={},
        source=source_content(),
        files={"weights": "e" * 64},
        plugins={"mine": "d" * 64},
    )
    return provenance(RECIPE, settings, ingredients, folder)


def test_a_clean_checkout(repository: Path) -> None:
    (repository / "outputs").mkdir()
    (repository / "outputs" / "new.txt").touch()  # What runs write makes nothing dirty.

    sha, dirty = git_state(repository)

    assert re.fullmatch(r"[0-9a-f]{40}", sha or "")
    assert sha == git(repository, "rev-parse", "HEAD")
    assert dirty is False
    assert git_state(repository / "outputs") == (sha, False)


@pytest.mark.parametrize("staged", [False, True])
def test_changes_make_it_dirty(repository: Path, staged: bool) -> None:
    (repository / "recipe.yaml").write_text("a: 2\n")
    if staged:
        git(repository, "add", ".")

    assert git_state(repository) == (git(repository, "rev-parse", "HEAD"), True)


def test_outside_git_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert git_state(tmp_path) == (None, None)
    assert origin(tmp_path)["git_sha"] is None


def test_a_repository_without_a_commit_has_no_sha(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")

    assert git_state(tmp_path) == (None, None)


def test_without_git_nothing_is_known(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert git_state(repository) == (None, None)


def test_what_the_file_holds(repository: Path) -> None:
    found = origin(repository)

    assert list(found) == [
        "git_sha",
        "git_dirty",
        "versions",
        "source_sha256",
        "plugins_sha256",
        "platform",
        "device",
        "seed",
        "threads",
        "argv",
        "recipe_hash",
        "data_sha256",
        "model_sha256",
    ]
    assert (found["git_sha"], found["git_dirty"]) == (git(repository, "rev-parse", "HEAD"), False)
    assert found["versions"] == {
        "python": platform.python_version(),
        "runner": __version__,
        **{
            name: version(name)
            for name in ("tensorflow", "tf_keras", "numpy", "hydra-core", "omegaconf", "mlflow", "pandas")
        },
    }
    assert found["versions"]["tensorflow"].startswith("2.")
    assert found["argv"] == ["runner", "recipe=mnist_2x4", "seed=7"]
    assert found["model_sha256"] == {"weights": "e" * 64}
    assert found["threads"] == 2
    assert (found["plugins_sha256"], found["source_sha256"]) == ({"mine": "d" * 64}, source_content())
    assert found["device"] == device()
    assert (found["seed"], found["recipe_hash"], found["data_sha256"]) == (7, RECIPE.hash, "f" * 64)


def test_a_package_that_is_missing_is_said_to_be(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.records.provenance._PACKAGES", ("numpy", "no-such-package"))

    assert origin(repository)["versions"]["no-such-package"] == "not installed"


class Gpus:
    """TensorFlow's list of devices."""

    def __init__(self, *names: str) -> None:
        self.devices = [tf.config.PhysicalDevice(name, "GPU") for name in names]

    def __call__(self, kind: str) -> list[tf.config.PhysicalDevice]:
        return self.devices if kind == "GPU" else []


@pytest.mark.parametrize(
    ("gpus", "details", "named"),
    [
        (Gpus(), {}, "CPU"),
        (Gpus("GPU:0", "GPU:1"), {"device_name": "NVIDIA A100"}, "NVIDIA A100"),
        (Gpus("GPU:0"), {}, "GPU:0"),
    ],
)
def test_the_device_is_named(
    monkeypatch: pytest.MonkeyPatch, gpus: Gpus, details: dict[str, str], named: str
) -> None:
    monkeypatch.setattr(tf.config, "get_visible_devices", gpus)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
    assert device.__wrapped__() == named


def test_what_decides_about_weights() -> None:
    found = computed_with()
    assert list(found) == ["python", "runner", "tensorflow", "tf_keras", "numpy", "device"]
    assert (found["python"], found["device"]) == (platform.python_version(), device())
