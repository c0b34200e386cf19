import yaml

from runner.cli.launchers import describe_launchers, launcher_names, missing_plugin, unknown_launcher
from runner.process.packaged import packaged_folder


def test_the_default_comes_first() -> None:
    assert launcher_names() == ["local", "joblib", "ray", "submitit"]


def test_each_says_what_it_does() -> None:
    assert describe_launchers() == {
        "local": "one after another, in this process",
        "joblib": "several at once, in processes on this machine",
        "ray": "on Ray: a cluster, or several at once on this machine",
        "submitit": "on a SLURM cluster; a preempted job is requeued",
    }


def test_every_plugin_that_a_preset_names_is_known() -> None:
    named = set()
    for file in (packaged_folder("conf") / "launch").glob("*.yaml"):
        for entry in yaml.safe_load(file.read_text()).get("defaults", []):
            named |= {entry["override /hydra/launcher"]}
    assert named == {"joblib", "submitit_slurm", "ray"}
    for plugin in named:
        assert str(missing_plugin(plugin)).endswith("pip install 'tflite-pruning-runner[parallel]'")
    assert missing_plugin("rq") is None


def test_a_typing_error() -> None:
    assert unknown_launcher("jobib") == (
        "There is no launcher 'jobib'. Did you mean 'joblib'? Launchers: local, joblib, ray, submitit"
    )
