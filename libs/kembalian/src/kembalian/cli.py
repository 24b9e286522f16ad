"""`kembalian`: the operators' command. This file is its table of contents."""

import typer

from kembalian import __version__
from kembalian.bench import command as bench
from kembalian.operators import (
    balance,
    bootstrap_admin,
    checkpoint_key,
    dead_letters,
    ledger_files,
    position,
    rebuild,
    replay,
    status,
    token,
    verify,
    what_if,
)

app = typer.Typer(
    name="kembalian",
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


app.command("bootstrap-admin")(bootstrap_admin.bootstrap_admin)
app.command("bench")(bench.bench)
app.command("token")(token.token)
app.command("status")(status.status)
app.command("verify")(verify.verify)
app.command("rebuild")(rebuild.rebuild)
app.command("replay")(replay.replay)
app.command("export")(ledger_files.export_file)
app.command("import")(ledger_files.import_file)
app.command("balance")(balance.balance)
app.add_typer(checkpoint_key.app, name="checkpoint-key")
app.command("position")(position.position)
app.command("what-if")(what_if.what_if)
app.add_typer(dead_letters.app, name="dead-letters")
