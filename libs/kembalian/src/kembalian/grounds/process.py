"""Children of this process: started in sessions of their own, and dead when this process dies."""

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)  # loaded here: nothing may be loaded after a fork


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system that a child runs as."""

    name: str
    uid: int
    gid: int


def dying_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """Return what a new child calls first, to be sent `death_signal` when this process dies.

    (When the thread that made it ends, to be exact.)
    """
    parent_id = os.getpid()

    def die_with_parent() -> None:
        # A parent that died before the request is seen by its id.
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent_id:
            os._exit(127)

    return die_with_parent


def spawn(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log_path: Path,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
    directory: Path = Path("/"),
    niceness: int = 0,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, its output appended to `log_path`.

    `niceness` over 0 lets others go first while the machine is busy.

    The kernel sends `death_signal` to the child when the *thread* that made it ends, so only the
    main thread may make one. The session keeps a Ctrl-C of the terminal away from the child.

    Raises: RuntimeError outside the main thread, OSError if `argv[0]` cannot be run.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a child of a thread would be killed when that thread ends")
    die_with_parent = dying_with_parent(death_signal)

    def begin() -> None:
        die_with_parent()  # after setuid, which clears the request
        if niceness:
            os.nice(niceness)
            _be_nice_to_other_sessions(niceness)

    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(environment),
            cwd=directory,
            start_new_session=True,
            preexec_fn=begin,  # noqa: PLW1509 (one call into libc, takes no lock)
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def _be_nice_to_other_sessions(niceness: int) -> None:
    """Let other sessions go first.

    Where the kernel groups tasks by session (autogroup, the rule on a Linux host), a task's own
    niceness counts within its session only.
    """
    with contextlib.suppress(OSError):  # no such kernel
        group = os.open("/proc/self/autogroup", os.O_WRONLY)
        os.write(group, b"%d" % niceness)
        os.close(group)


def stop(
    process: subprocess.Popen[bytes], stop_signal: signal.Signals, *, patience_s: float
) -> None:
    """Ask the child to stop, and kill its whole session if it has not after `patience_s`."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            kill_session(process)
    process.wait()


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and what it started (its session is its process group)."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class Child:
    """A process of ours that is launched, stopped and killed again and again, one at a time."""

    stop_signal = signal.SIGTERM
    stop_patience_s = 20.0

    def __init__(self, log_path: Path) -> None:
        self.log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its id, None while it is down."""
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and alive else None

    def stop(self) -> None:
        """Stop it in order, and wait until it has ended."""
        if self._process is not None:
            stop(self._process, self.stop_signal, patience_s=self.stop_patience_s)

    def kill(self) -> None:
        """SIGKILL it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _run(self, argv: Sequence[str | Path], environment: Mapping[str, str], **how: Any) -> None:
        """Start it; `how` is what `spawn` takes besides."""
        self._process = spawn(argv, environment=environment, log_path=self.log_path, **how)
