import itertools
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

import runner

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def ran(command: list[str], *, cwd: Path = ROOT, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs a command that must end with `status`, and shows what it said where it does not."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy's worth of files by the backend that is installed: no network."""
    folder = tmp_path_factory.mktemp("dist")
    ran([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)])
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel; the dependencies are borrowed from this one."""
    folder = tmp_path_factory.mktemp("environment")
    python = folder / "bin" / "python"
    ran([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    ran([*pip, "install", "--no-deps", "--no-index", str(wheel)])
    (packages,) = folder.glob("lib/python3*/site-packages")
    # A path from a .pth file is searched last, and .pth files in there (this repository's) are not followed.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_the_wheel_holds_the_package_with_its_settings_and_recipes(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        recipe = archive.read("runner/_recipes/mnist_2x4.yaml")
    expected = {f"runner/{path.relative_to(ROOT / 'runner')}" for path in (ROOT / "runner").rglob("*.py")}
    expected |= {f"runner/{path.relative_to(ROOT / 'runner')}" for path in (ROOT / "runner").rglob("*.j2")}
    expected |= {
        f"runner/_conf/{path.relative_to(ROOT / 'conf')}" for path in (ROOT / "conf").rglob("*.yaml")
    }
    recipes = ROOT / "recipes"
    expected |= {f"runner/_recipes/{path.relative_to(recipes)}" for path in recipes.rglob("*.yaml")}
    assert "runner/_recipes/study_schedules/constant.yaml" in expected
    assert len(expected) > 20
    assert "runner/compare/comparison.html.j2" in expected
    assert "runner/report/page.css.j2" in expected
    assert {name for name in held if ".dist-info/" not in name} == expected | {"runner/py.typed"}
    assert recipe == (ROOT / "recipes" / "mnist_2x4.yaml").read_bytes()


def test_the_wheel_names_its_version_script_and_extras(wheel: Path) -> None:
    assert wheel.name == f"tflite_pruning_runner-{runner.__version__}-py3-none-any.whl"
    info = f"tflite_pruning_runner-{runner.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{info}/METADATA").decode()
        scripts = archive.read(f"{info}/entry_points.txt").decode()
    assert "runner = runner.cli.main:main" in scripts
    assert re.findall(r"^Provides-Extra: (\S+)", metadata, re.M) == [
        "bench",
        "gpu",
        "parallel",
        "search",
        "tensorboard",
        "test",
    ]
    assert "Requires-Python: >=3.11" in metadata


@pytest.mark.parametrize("command", ["module", "script"])
def test_the_installed_command_finds_its_recipes_from_an_empty_folder(
    installed: Path, tmp_path: Path, command: str
) -> None:
    start = [str(installed), "-m", "runner"] if command == "module" else [str(installed.parent / "runner")]
    shown = ran([*start, "recipe=two_conv_2x4", "--cfg", "job"], cwd=tmp_path)
    assert "name: two_conv" in shown.stdout
    refused = ran([*start, "recipe=two_conf"], cwd=tmp_path, status=2)
    assert "two_conv_2x4" in refused.stderr
    shown = ran([*start, "recipe=study_schedules/dense", "--cfg", "job"], cwd=tmp_path)
    assert "sparsity: 0\n" in shown.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_installed_package_runs_a_recipe_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    where = ran([str(installed), "-c", "import runner; print(runner.__file__)"], cwd=tmp_path)
    assert Path(where.stdout.strip()).is_relative_to(installed.parents[1])
    scaled_down = ["recipe.data.name=digits", "recipe.data.copies=1", "recipe.training.epochs=1"]
    ran(
        [str(installed), "-m", "runner", "recipe=mnist_2x4", *scaled_down, "recipe.model.dense_units=32"],
        cwd=tmp_path,
    )
    (summary,) = tmp_path.glob("outputs/runs/*_mnist_2x4/summary.json")
    assert '"passed": true' in summary.read_text()


def test_every_dependency_is_bounded_and_has_an_exact_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.\-]+==[\w.+!]+", pin) for pin in pins), "an address or a loose version"
    exact = {re.sub(r"[-_.]+", "-", pin.split("==")[0]).lower() for pin in pins}
    extras = project["optional-dependencies"]
    listed = [extras[name] for name in ("test", "parallel", "search", "bench")]
    for requirement in [*project["dependencies"], *itertools.chain(*listed)]:
        name = re.split(r"[\[<>=]", requirement)[0]
        assert re.search(r"<\d|==", requirement), f"{name} has no upper bound"
        assert name.lower().replace("_", "-") in exact
    tested = {*extras["parallel"], *extras["search"]}
    assert tested < set(extras["test"]), "launchers and sweeper are tested, too"
