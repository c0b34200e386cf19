import pytest

from tests.sweep.sweeping import TINY, Sweeps


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweeps, str]:
    """A sweep that ran to its end, one job after another, and what it printed."""
    own = Sweeps(tmp_path_factory.mktemp("undisturbed"))
    status, out, err = own(*TINY, "seed=1,2", "threads=1")
    assert (status, err) == (0, "")
    return own, out
