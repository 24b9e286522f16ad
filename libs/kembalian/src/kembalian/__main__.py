"""`python -m kembalian`: the same as the command `kembalian`."""

from kembalian.cli import app

app()
