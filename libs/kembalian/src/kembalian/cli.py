"""`kembalian`: the operators' command. This file is its table of contents.

A command is imported when it is called: all of them together take two seconds.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

from kembalian import __version__

ELSEWHERE: Final[Mapping[str, str]] = {
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
"""Command -> where its function, or its own group of commands, is."""


class Contents(TyperGroup):
    """The commands of this file and those of ELSEWHERE."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names, in the order of the help."""
        return [*super().list_commands(ctx), *ELSEWHERE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, imported now; None if there is no such command."""
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, name = ELSEWHERE[cmd_name].split(":")
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            command: Any = typer.main.get_group(found)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command(cmd_name)(found)
            command = typer.main.get_command(alone)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="kembalian",
    cls=Contents,
    help="Run and operate Kembalian. KEMBALIAN_HOME names the home (default .kembalian).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("run")
def run_house() -> None:
    """Run the whole house until Ctrl-C. PORT, KEMBALIAN_KAFKA and KEMBALIAN_DEMO are heeded."""
    from kembalian.launcher.run import run  # noqa: PLC0415 (imports every service: 1 s)

    raise typer.Exit(run())


@app.command("version")
def show_version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command("setup")
def set_up_deployment() -> None:
    """Make databases, roles, topics, users and rights of a deployment (deploy/README.md)."""
    from kembalian.setup.job import setup  # noqa: PLC0415 (imports every service and librdkafka)

    setup()
