import pytest

from tests.compare.logged_sweep import LoggedSweep, log_sweep


@pytest.fixture(autouse=True)
def no_mlflow_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tester's own server is not what is tested."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def logged(tmp_path_factory: pytest.TempPathFactory) -> LoggedSweep:
    """One store for all tests here, which leave it as it is: making it takes seconds."""
    return log_sweep(tmp_path_factory.mktemp("logged") / "outputs")
