"""The user that PostgreSQL runs as: it refuses root."""

import os
import pwd
from pathlib import Path

from kembalian.grounds.process import Account

SEARCH_BY_OTHERS = 0o001


def server_account() -> Account | None:
    """Return the account for a server that refuses root; None means: the one we run as."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_name, nobody.pw_uid, nobody.pw_gid)


def open_for_search(folder: Path) -> list[Path]:
    """Let every account pass through `folder` and its parents (not list them: `o+x`).

    Return the folders that this changed, outermost first.
    """
    changed: list[Path] = []
    resolved = folder.resolve()
    for place in [*reversed(resolved.parents), resolved]:
        mode = place.stat().st_mode
        if not mode & SEARCH_BY_OTHERS:
            place.chmod((mode & 0o7777) | SEARCH_BY_OTHERS)
            changed.append(place)
    return changed
