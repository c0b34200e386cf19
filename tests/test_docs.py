"""Every command, recipe and script in README and docs/ works: dry, or scaled down."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
DIGITS = "recipe.data.name=digits recipe.data.fallback=null recipe.data.copies=1"
SMALL = "recipe.training.epochs=1 recipe.model.filters=[2,4] recipe.model.dense_units=8"
SWEEP = (
    "python -m runner --multirun recipe=mnist_constant recipe.layers.all.schedule.name=constant,polynomial"
    f" recipe.layers.all.schedule.sparsity=0.5,0.95 seed=1,2 {DIGITS} {SMALL}"
)

# One process for all commands, since each start costs seconds.
DRIVER = """
import contextlib, io, json, runpy, shlex, sys
for line in json.load(sys.stdin):
    module, *arguments = shlex.split(line)[2:]
    sys.argv, status, said = [module, *arguments], 0, io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            status = end.code or 0
        except Exception as error:
            status = repr(error)
    print(json.dumps([line, status, said.getvalue()]), flush=True)
"""


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in FENCE.findall(page.read_text(encoding="utf-8")) if found == language]


def commands() -> list[str]:
    """The commands of all pages, without the words beside them."""
    text = "\n".join(block for page in PAGES for block in blocks(page, ""))
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    found = (re.split(r"\s{3,}", line)[0] for line in lines if line.startswith("python -m runner"))
    return list(dict.fromkeys(found))


def scaled(command: str, folder: Path) -> str:
    """Makes a run dry and offline; points other commands to what there is."""
    if "hydra/sweeper" in command:  # A search cannot be dry.
        return f"{command.replace('n_trials=20', 'n_trials=2')} {DIGITS} {SMALL}"
    if re.match(r"python -m runner( |$)", command):
        command = re.sub(r"recipe\.data\.\S+", "", command)
        data = "" if "plugins=" in command else DIGITS
        return f"{command} {data}" + ("" if "dry_run" in command else " dry_run=true")
    sweep = next((folder / "outputs" / "sweeps").iterdir())
    command = re.sub(r"outputs/sweeps/\w+", str(sweep), command)
    return command.replace("model.tflite", str(next(sweep.glob("0/*.tflite"))))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit status and output of each command."""
    folder = tmp_path_factory.mktemp("docs")
    write_plugin(folder)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}

    def answered(lines: list[str]) -> list[tuple[int, str]]:
        done = subprocess.run(
            [sys.executable, "-c", DRIVER],
            input=json.dumps(lines),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return [(status, said) for _, status, said in map(json.loads, done.stdout.splitlines())]

    [(status, said)] = answered([SWEEP])
    assert status == 0, said
    shown = [f"python -m runner recipe={name}" for name in write_recipes(folder)]
    lines = [*commands(), *shown]
    return dict(zip(lines, answered([scaled(line, folder) for line in lines]), strict=True))


def write_plugin(folder: Path) -> None:
    """Writes the plugin of docs/plugins.md and its recipe under the names that the page gives them."""
    page = ROOT / "docs" / "plugins.md"
    for block in (*blocks(page, "python"), *blocks(page, "yaml")):
        path = folder / block.splitlines()[0].removeprefix("# ")
        path.parent.mkdir(exist_ok=True)
        path.write_text(block)


def write_recipes(folder: Path) -> list[str]:
    """Writes the recipes that pages show, parts of one into the README's; returns their names."""
    [whole] = blocks(ROOT / "README.md", "yaml")
    names = []
    for page in PAGES:
        for number, block in enumerate(blocks(page, "yaml") if page.stem != "plugins" else []):
            names.append(f"{page.stem.lower()}_{number}")
            content = yaml.safe_dump({**yaml.safe_load(whole), **yaml.safe_load(block)})
            (folder / "recipes" / f"{names[-1]}.yaml").write_text(content)
    return names


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("command", commands())
def test_a_command_works(command: str, answers: dict[str, tuple[int, str]]) -> None:
    status, said = answers[command]
    # `runner.check` asks for a pattern that unstructured zeros do not hold.
    assert status == (1 if "--m-by-n" in command else 0), said


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_recipe_that_a_page_shows_can_be_planned(answers: dict[str, tuple[int, str]]) -> None:
    shown = {line: answer for line, answer in answers.items() if line not in commands()}
    assert len(shown) >= 2
    assert {line: said for line, (status, said) in shown.items() if status} == {}


def test_there_are_commands_on_every_page_that_has_some() -> None:
    assert len(commands()) > 15


def test_the_table_of_keys_is_that_of_the_schema() -> None:
    # In a process of its own: other tests register names.
    command = [sys.executable, "-m", "runner.schema", "--markdown"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    _, _, shown = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8").partition("--markdown`. -->\n\n")
    assert shown == done.stdout, "python -m runner.schema --markdown writes the end of docs/recipes.md"


def test_the_script_of_the_engine_prunes() -> None:
    import numpy as np
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.Input((4,)), tf_keras.layers.Dense(10)])
    x, y = np.zeros((8, 4)), np.zeros((8, 10))
    [script] = blocks(ROOT / "docs" / "engine.md", "python")
    names = {"model": model, "x": x, "y": y}
    exec(script.replace("end_step=2000", "end_step=1"), names)
    assert np.count_nonzero(names["model"].get_weights()[0] == 0) == 36


def test_every_link_of_a_page_leads_somewhere() -> None:
    links = [
        (page.name, link)
        for page in PAGES
        for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert links == []


def test_the_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130
