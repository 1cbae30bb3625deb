# SPDX-License-Identifier: GPL-2.0
"""Child processes: a clean environment, and none left behind."""

import contextlib
import fcntl
import os
import subprocess
from pathlib import Path
from typing import Dict, Iterator, Optional, Sequence

from . import cli

# make hands its command-line variables to every child through MAKEFLAGS, and
# kbuild would take our TEST= or CONFIG= for its own.
_NOT_INHERITED = ('MAKEFLAGS', 'MFLAGS', 'MAKEOVERRIDES', 'MAKELEVEL', 'ARCH', 'SUBARCH',
                  'CROSS_COMPILE', 'CDPATH', 'GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE')


def environment(extra: Optional[Dict[str, str]] = None) -> Dict[str, str]:
    """The environment for kbuild, git and kernels: ours less what would leak into them."""
    kept = {name: value for name, value in os.environ.items()
            if name not in _NOT_INHERITED and not name.startswith('KBUILD_')}
    kept['LC_ALL'] = 'C'
    kept.update(extra or {})
    return kept


def output(command: Sequence[str], cwd: Optional[Path] = None) -> str:
    """What a command prints; CannotTest with its last line of complaint when it fails."""
    try:
        done = subprocess.run(command, cwd=cwd, env=environment(), check=False, text=True,
                              errors='surrogateescape', stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except FileNotFoundError as cause:
        raise cli.CannotTest(f'{command[0]} is not installed') from cause
    if done.returncode:
        complaint = (done.stderr or done.stdout).strip().splitlines() or ['no message']
        raise cli.CannotTest(f'{" ".join(command[:3])}: {complaint[-1]}')
    return done.stdout


@contextlib.contextmanager
def locked(lock: Path, busy_with: str) -> Iterator[None]:
    """Hold a lock file; say that we wait when another command has it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, 'w', encoding='ascii') as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            cli.say(f'waiting for another command that {busy_with}')
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
