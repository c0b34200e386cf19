"""Whether a job's process has the code that its sweep began with."""

from runner.process.errors import UserError
from runner.recipe.plugin_content import plugin_content
from runner.records.source_content import source_content
from runner.records.sweep_records import Sweep
from runner.settings import RunSettings


def require_same_code(sweep: Sweep, settings: RunSettings) -> None:
    """Refuses a job that would compute with other code than the sweep's command and its other jobs.

    A launcher's process imports plugins, and the runner, when its job begins: on another machine, or hours
    later. As with data, what was edited meanwhile would make runs differ that are compared.

    Args:
        sweep: What the command found.
        settings: The job's; its plugins have been imported.

    Raises:
        UserError: A plugin or a part of the runner has another content; which, and what to do.
    """
    own = plugin_content(settings.plugins)
    changed = [f"plugins: '{name}'" for name in own if own[name] != sweep.plugins.get(name, own[name])]
    source = source_content()
    changed += [f"runner/{part}" for part in source if source[part] != sweep.source.get(part, source[part])]
    if changed:
        raise UserError(
            f"{', '.join(changed)}: the code is not what it was when the sweep began; runs of different code"
            " are not compared. Begin the sweep again."
        )
