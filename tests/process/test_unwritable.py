"""What is told of a full disk."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.process.errors import RunFailed
from runner.process.unwritable import unwritable, unwritable_told

FULL = Path("/dev/full")
REMEDY = "Make room, or choose another folder with outputs=DIR."


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is full")
def test_a_full_disk_fails_the_run_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as failed, unwritable_told(tmp_path):
        FULL.write_text("x")
    assert str(failed.value) == f"{tmp_path}: cannot be written (No space left on device). {REMEDY}"
    assert isinstance(failed.value.__cause__, OSError)


HDF5 = """
import resource, signal, sys
from pathlib import Path
import h5py, numpy as np
from runner.process.errors import RunFailed
from runner.process.unwritable import unwritable_told
folder = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    with unwritable_told(folder), h5py.File(folder / "weights.h5", "w") as file:
        file["x"] = np.zeros(100_000)
except RunFailed as error:
    print(error)
"""


def test_what_hdf5_says_of_one_is_understood(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HDF5, tmp_path], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{tmp_path}: cannot be written (File too large). {REMEDY}\n"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_file_elsewhere_is_named_itself(code: int) -> None:
    error = OSError(code, os.strerror(code), "/elsewhere/x")
    told = f"/elsewhere/x: cannot be written ({os.strerror(code)}). Make room there."
    assert unwritable(error, Path("/run")) == told
    assert unwritable(error) == told


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_refusal_counts_in_the_folder_alone(code: int) -> None:
    def refused(file: str) -> OSError:
        return OSError(code, os.strerror(code), file)

    told = f"/run: cannot be written ({os.strerror(code)}). {REMEDY}"
    assert unwritable(refused("/run/plots/a.png"), Path("/run")) == told
    assert unwritable(refused("/elsewhere/x"), Path("/run")) is None
    assert unwritable(refused("/run/x")) is None


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        OSError("x"),
        RuntimeError("errno = 28"),
        FileNotFoundError(errno.ENOENT, "x", "/run/x"),
    ],
)
def test_another_error_is_left_alone(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, unwritable_told(Path("/run")):
        raise error
    assert raised.value is error
