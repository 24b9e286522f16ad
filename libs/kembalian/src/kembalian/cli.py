"""`kembalian`: the operators' command. This file is its table of contents."""

from pkgutil import resolve_name
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from kembalian import __version__

COMMANDS: Final = {
    "setup": "kembalian.setup.job:setup",
    "bootstrap-admin": "kembalian.operators.bootstrap_admin:bootstrap_admin",
    "bench": "kembalian.bench.command:bench",
    "token": "kembalian.operators.token:token",
    "status": "kembalian.operators.status:status",
    "verify": "kembalian.operators.verify:verify",
    "rebuild": "kembalian.operators.rebuild:rebuild",
    "replay": "kembalian.operators.replay:replay",
    "export": "kembalian.operators.ledger_files:export_file",
    "import": "kembalian.operators.ledger_files:import_file",
    "balance": "kembalian.operators.balance:balance",
    "checkpoint-key": "kembalian.operators.checkpoint_key:app",
    "position": "kembalian.operators.position:position",
    "what-if": "kembalian.operators.what_if:what_if",
    "dead-letters": "kembalian.operators.dead_letters:app",
}
"""Where each command, or group of commands, is. One is imported when it is asked for: all of
them together import every service, the bench and librdkafka, which is 2 s of a core."""


class Commands(TyperGroup):
    """The commands of the table, each loaded when it is run or its help is shown."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for name in COMMANDS:
            self.commands[name] = TyperCommand(name)  # its place in the list, and in "did you mean"

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command that can be run, None for one that does not exist."""
        if cmd_name in COMMANDS:
            return _loaded(cmd_name)
        return super().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=Commands,
    name="kembalian",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def kembalian() -> None:
    """Run and operate Kembalian. KEMBALIAN_HOME names the home (default .kembalian)."""


@app.command("run")
def run_house() -> None:
    """Run the whole house until Ctrl-C. PORT, KEMBALIAN_KAFKA and KEMBALIAN_DEMO are heeded."""
    from kembalian.launcher.run import run  # noqa: PLC0415 (as with the table below)

    raise typer.Exit(run())


@app.command("version")
def show_version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _loaded(name: str) -> Any:
    found = resolve_name(COMMANDS[name])
    if isinstance(found, typer.Typer):
        return get_group(found)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(found)
    return get_command(alone)
