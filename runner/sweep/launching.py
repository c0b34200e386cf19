"""Reads how a sweep's jobs are started: by which engine, how many at once, with how many threads each."""

import shutil
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from runner.process.errors import UserError

Engine = Literal["local", "joblib", "submitit_local", "slurm", "ray", "other"]
"""What starts the jobs; `other` is a launcher of Hydra that the runner ships no preset for."""

_ENGINES: dict[str, Engine] = {
    "BasicLauncher": "local",
    "JoblibLauncher": "joblib",
    "LocalLauncher": "submitit_local",
    "SlurmLauncher": "slurm",
    "RayLauncher": "ray",
}

RAY_ENVIRONMENT = {
    # Of lines that only differ in their numbers, Ray would show one.
    "RAY_DEDUP_LOGS": "0",
    "RAY_COLOR_PREFIX": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Variables that Ray reads when it is imported; values that the user has set stay."""


_CONTACT_SECONDS = 10


@dataclass(frozen=True)
class Launch:
    """How the jobs of a sweep are started.

    Args:
        engine: What starts them.
        threads: Of each job; None is all cores that its process may use.
        submissions: The folder where submitit keeps submitted jobs and their output; None for other engines.
    """

    engine: Engine = "local"
    threads: int | None = None
    submissions: Path | None = None


def read_launch(
    launcher: Mapping[str, Any],
    *,
    jobs: int,
    threads: int | None,
    cores: Callable[[], int],
    environment: Mapping[str, str],
) -> Launch:
    """Reads how jobs will be started from Hydra's part of the configuration.

    Args:
        launcher: `hydra.launcher`, resolved.
        jobs: How many the sweep has.
        threads: Of each job, as the user has set them; None divides the cores.
        cores: Counts those of this machine.
        environment: The variables of this machine.

    Raises:
        UserError: The launcher cannot start anything here.
    """
    engine = _ENGINES.get(str(launcher.get("_target_")).rpartition(".")[2], "other")
    submissions = None
    if engine in ("submitit_local", "slurm"):
        # The rest of the path is the job's own number.
        submissions = Path(str(launcher["submitit_folder"]).partition("/%")[0])
    if engine == "slurm" and shutil.which("sbatch") is None:
        raise UserError(
            "launch=submitit: there is no `sbatch` here. It submits jobs to SLURM from a machine of the"
            " cluster; launch=joblib runs them in parallel on this one."
        )
    if engine == "ray":
        _reach(ray_address(launcher, environment))
    if threads is None:
        threads = _threads(engine, launcher, jobs, cores, environment)
    return Launch(engine, threads, submissions)


def _reach(address: str | None) -> None:
    host, _, port = (address or "").rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        return  # A cluster that is to be started, or `auto`, or an address that only Ray can resolve.
    try:
        with socket.create_connection((host, int(port)), timeout=_CONTACT_SECONDS):
            pass
    except OSError as error:
        # Ray itself tries for minutes, and ignores Ctrl-C.
        raise UserError(
            f"launch=ray: no Ray cluster answers at {address} ({error.strerror or error}). Start one there,"
            " `ray start --head`, or leave out the address to have it on this machine for the sweep."
        ) from error


def _threads(
    engine: Engine,
    launcher: Mapping[str, Any],
    jobs: int,
    cores: Callable[[], int],
    environment: Mapping[str, str],
) -> int | None:
    if engine == "joblib":
        return _share(cores(), _processes(launcher["n_jobs"], cores()), jobs)
    if engine == "submitit_local":
        return _share(cores(), jobs, jobs)
    if engine == "slurm":
        return None if launcher["cpus_per_task"] is None else int(launcher["cpus_per_task"])
    if engine == "ray":
        wanted = launcher["ray"]["remote"].get("num_cpus")
        if wanted is not None:
            return max(1, int(wanted))
        if ray_address(launcher, environment) is not None:
            return 1
        total = int(launcher["ray"]["init"].get("num_cpus") or cores())
        return _share(total, total, jobs)
    return None


def _processes(n_jobs: object, cores: int) -> int:
    if not isinstance(n_jobs, int) or n_jobs == 0:
        raise UserError(f"hydra.launcher.n_jobs is {n_jobs}, but must be at least 1, or -1 for one per core")
    return n_jobs if n_jobs > 0 else max(1, cores + 1 + n_jobs)


def _share(cores: int, processes: int, jobs: int) -> int:
    at_once = min(processes, jobs)
    return max(1, cores // max(1, at_once))


def ray_address(launcher: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """Returns the address of the Ray cluster to use; None for one that is started for the sweep."""
    return launcher["ray"]["init"].get("address") or environment.get("RAY_ADDRESS")


def ray_settings(
    launcher: Mapping[str, Any], launch: Launch, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Completes the settings of Ray: a job's CPUs, and nothing that a running cluster refuses.

    Args:
        launcher: `hydra.launcher`, resolved.
        launch: What `read_launch` returned for it.
        environment: Variables of this machine.

    Returns:
        `hydra.launcher.ray`.
    """
    init, remote = dict(launcher["ray"]["init"]), dict(launcher["ray"]["remote"])
    if remote.get("num_cpus") is None:
        remote["num_cpus"] = launch.threads
    if ray_address(launcher, environment) is not None:
        # The plugin sets a size where there is none, and a running cluster refuses it.
        init |= {"num_cpus": None, "object_store_memory": None}
    return {"init": init, "remote": remote}
