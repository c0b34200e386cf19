"""What is read off Hydra's launchers before anything is started."""

import socket
from pathlib import Path
from typing import Any

import pytest

from runner.process.errors import UserError
from runner.sweep.launching import Launch, ray_settings, read_launch

JOBLIB = {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher", "n_jobs": -1}
SUBMITIT = "hydra_plugins.hydra_submitit_launcher.submitit_launcher."
RAY = {
    "_target_": "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher",
    "ray": {"init": {"address": None, "num_cpus": None}, "remote": {"num_cpus": None, "max_retries": 3}},
}


def read(launcher: dict[str, Any], jobs: int = 4, threads: int | None = None, **variables: str) -> Launch:
    return read_launch(launcher, jobs=jobs, threads=threads, cores=lambda: 8, environment=variables)


def ray(**changes: dict[str, Any]) -> dict[str, Any]:
    parts = {part: {**told, **changes.get(part, {})} for part, told in RAY["ray"].items()}  # type: ignore[attr-defined]
    return {**RAY, "ray": parts}


@pytest.mark.parametrize(
    ("n_jobs", "jobs", "threads"),
    [(-1, 4, 2), (-1, 8, 1), (-1, 3, 2), (-1, 1, 8), (2, 100, 4), (-2, 100, 1), (16, 100, 1)],
)
def test_joblib_divides_the_cores_by_the_jobs_at_once(n_jobs: int, jobs: int, threads: int) -> None:
    assert read({**JOBLIB, "n_jobs": n_jobs}, jobs) == Launch("joblib", threads)


def test_the_users_number_is_taken_as_it_is() -> None:
    assert read(JOBLIB, threads=5) == Launch("joblib", 5)
    assert read(
        {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}, threads=5
    ) == Launch("local", 5)


def test_one_job_after_another_has_all_cores() -> None:
    assert read({"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}) == Launch("local")
    assert read({"_target_": "hydra_plugins.hydra_rq_launcher.rq_launcher.RQLauncher"}) == Launch("other")


def test_submitit_starts_all_jobs_of_a_sweep_on_this_machine_at_once() -> None:
    launcher = {"_target_": f"{SUBMITIT}LocalLauncher", "submitit_folder": "/out/s/.submitit/%j"}
    assert read(launcher, 4) == Launch("submitit_local", 2, Path("/out/s/.submitit"))
    assert read(launcher, 20) == Launch("submitit_local", 1, Path("/out/s/.submitit"))


@pytest.mark.parametrize("cpus", [None, 4])
def test_slurm_gives_each_job_its_cores(
    cpus: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sbatch").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    launcher = {"_target_": f"{SUBMITIT}SlurmLauncher", "submitit_folder": "s/%j", "cpus_per_task": cpus}
    assert read(launcher) == Launch("slurm", cpus, Path("s"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="there is no `sbatch` here"):
        read(launcher)


@pytest.mark.parametrize("n_jobs", [0, None, "many"])
def test_no_processes_are_too_few(n_jobs: object) -> None:
    with pytest.raises(UserError, match=f"hydra.launcher.n_jobs is {n_jobs}, but must be at least 1, or -1"):
        read({**JOBLIB, "n_jobs": n_jobs})


def test_ray_on_this_machine_divides_its_cpus() -> None:
    assert read(ray(), 4) == Launch("ray", 2)
    assert read(ray(init={"num_cpus": 2}), 4) == Launch("ray", 1)
    assert read(ray(remote={"num_cpus": 3}), 4) == Launch("ray", 3)
    assert read(ray(remote={"num_cpus": 0.5}), 4) == Launch("ray", 1)


def test_a_job_on_a_cluster_has_the_cpu_that_ray_gives_it() -> None:
    assert read(ray(init={"address": "auto"})) == Launch("ray", 1)
    assert read(ray(), RAY_ADDRESS="auto") == Launch("ray", 1)
    with socket.create_server(("127.0.0.1", 0)) as cluster:
        address = f"127.0.0.1:{cluster.getsockname()[1]}"
        assert read(ray(), RAY_ADDRESS=address) == Launch("ray", 1)


def test_a_cluster_that_does_not_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(UserError, match=f"no Ray cluster answers at {address} ") as refused:
            read(ray(init={"address": address}))
        assert "Connection refused" in str(refused.value)


def test_ray_is_told_the_cpus_of_a_job() -> None:
    assert ray_settings(ray(), Launch("ray", 2), {}) == {
        "init": {"address": None, "num_cpus": None},
        "remote": {"num_cpus": 2, "max_retries": 3},
    }


@pytest.mark.parametrize("variables", [{}, {"RAY_ADDRESS": "10.0.0.1:6379"}])
def test_a_cluster_that_runs_is_not_told_how_to_be_made(variables: dict[str, str]) -> None:
    address = None if variables else "auto"
    launcher = ray(init={"address": address, "num_cpus": 2}, remote={"num_cpus": 4})

    assert ray_settings(launcher, Launch("ray", 4), variables) == {
        "init": {"address": address, "num_cpus": None, "object_store_memory": None},
        "remote": {"num_cpus": 4, "max_retries": 3},
    }
