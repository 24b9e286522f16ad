"""`kembalian <words>` inside the test's own process: the same code without a second's imports."""

from pathlib import Path
from subprocess import CompletedProcess

from typer.testing import CliRunner

from kembalian.cli import app


def kembalian(home: Path, *words: str) -> CompletedProcess[str]:
    """Run the command on a home; return what it printed and its exit code.

    Raises what the command itself does not catch: an operator would see its traceback.
    """
    done = CliRunner().invoke(app, words, env={"KEMBALIAN_HOME": str(home)})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return CompletedProcess(words, done.exit_code, done.stdout, done.stderr)
