# SPDX-License-Identifier: GPL-2.0
"""Boot on into a tiny init that has kmemleak look for what the tests leaked."""

import subprocess
from pathlib import Path
from typing import List

from . import cli, paths, proc

SOURCE = paths.TOOLS / 'guest' / 'kmemleak_init.c'
DONE = 'kmemleak-init: done'
SILENCE = 60.0      # it waits, and scans all memory, without a word


def prepare(root: Path) -> None:
    """Make the init's root folder."""
    for name in ('sys', 'dev', 'proc'):
        (root / name).mkdir(parents=True)
    done = subprocess.run(['gcc', '-O2', '-Wall', '-static', '-o', str(root / 'init'),
                           str(SOURCE)], env=proc.environment(), check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise cli.CannotTest(f'{paths.shown(SOURCE)} does not compile: {done.stdout.strip()}')


def arguments(root: Path) -> List[str]:
    """Kernel arguments that boot into it."""
    return ['root=/dev/root', 'rootfstype=hostfs', f'rootflags={root}', 'ro', 'init=/init']
