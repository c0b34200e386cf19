"""SLURM's commands on this machine, as far as submitit uses them: one file that goes by all of their names.

`SLURM_STAND_IN` names a folder for its state: the script, and each job's state, process and requeueing.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ARRAY = "77"
STATE = Path(os.environ.get("SLURM_STAND_IN", "."))


def install(folder: Path) -> None:
    """Puts the commands into a folder for PATH."""
    folder.mkdir()
    for name in ("sbatch", "srun", "scontrol", "scancel", "sacct"):
        (folder / name).write_text(f"#!{sys.executable}\n" + Path(__file__).read_text())
        (folder / name).chmod(0o755)


def sbatch(script: str) -> None:
    (STATE / "script").write_text(Path(script).read_text())
    found = re.search(r"--array=0-(\d+)", Path(script).read_text())
    assert found, "the tests submit several jobs at once"
    for task in range(int(found[1]) + 1):
        # Its output would keep a pipe open on which submitit waits.
        with (STATE / f"{task}.log").open("wb") as log:
            subprocess.Popen(
                [sys.argv[0], "--node", str(task), script],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    print(f"Submitted batch job {ARRAY}")


def node(task: str, script: str) -> None:
    """Runs one job of the array, again where it was requeued."""
    number = f"{ARRAY}_{task}"
    environment = {
        "SLURM_JOB_ID": str(int(ARRAY) + 1 + int(task)),
        "SLURM_ARRAY_JOB_ID": ARRAY,
        "SLURM_ARRAY_TASK_ID": task,
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
        "SLURM_NTASKS": "1",
        "SLURM_JOB_NUM_NODES": "1",
    }
    again = True
    while again:
        (STATE / f"{number}.state").write_text("RUNNING")
        status = subprocess.call(["bash", script], env={**os.environ, **environment})
        again = (STATE / f"{number}.requeue").exists()
        (STATE / f"{number}.requeue").unlink(missing_ok=True)
    (STATE / f"{number}.state").write_text("FAILED" if status else "COMPLETED")


def srun(*arguments: str) -> None:
    number = f"{ARRAY}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    command = list(arguments)
    command.remove("--unbuffered")
    streams = {}
    for name, stream in (("--output", 1), ("--error", 2)):
        at = command.index(name)
        _, path = command[at : at + 2]
        del command[at : at + 2]
        path = path.replace("%A_%a", number).replace("%t", "0")
        streams[stream] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream, file in streams.items():
        os.dup2(file, stream)
    (STATE / f"{number}.process").write_text(str(os.getpid()))
    os.execvp(command[0], command)


def scontrol(action: str, number: str) -> None:
    assert action == "requeue"
    (STATE / f"{number}.requeue").touch()


def scancel(*arguments: str) -> None:
    (STATE / "cancelled").open("a").write(" ".join(arguments) + "\n")
    sign = signal.SIGINT if "--signal=INT" in arguments else signal.SIGKILL
    for number in arguments:
        if (STATE / f"{number}.process").exists() and (STATE / f"{number}.state").read_text() == "RUNNING":
            try:
                os.kill(int((STATE / f"{number}.process").read_text()), sign)
            except ProcessLookupError:
                continue


def sacct(*arguments: str) -> None:
    print("JobID|State|NodeList")
    for state in sorted(STATE.glob("*.state")):
        print(f"{state.stem}|{state.read_text()}|here")


if __name__ == "__main__":
    commands: list[Callable[..., None]] = [sbatch, srun, scontrol, scancel, sacct]
    if sys.argv[1] == "--node":
        node(*sys.argv[2:])
    else:
        {command.__name__: command for command in commands}[Path(sys.argv[0]).name](*sys.argv[1:])
