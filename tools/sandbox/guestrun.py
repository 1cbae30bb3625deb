# SPDX-License-Identifier: GPL-2.0
"""Run a program in the user space of a UML kernel, and watch its console.

The guest's root is a folder of the host, mounted read only: mount points,
tools/guest/init.c, and in /bin the program.  No disk image; swap is a sparse
file.
"""

import re
import select
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, List, Optional, Sequence

from . import boot, cli, packages, paths, proc

INIT = paths.TOOLS / 'guest' / 'init.c'
_MOUNT_POINTS = ('dev', 'proc', 'sys', 'tmp', 'mnt', 'bin')
_VERDICT = re.compile(r'guest: (exited|killed|failed) (.*)')
# How long a kernel may go on after a line that settles the matter.
_GRACE = 2.0


@dataclass(frozen=True)
class Guest:
    """A machine: kernel, root folder, memory, swap (sizes as 600M), CPUs."""
    kernel: Path
    root: Path
    mem: str = '600M'
    swap: str = '256M'
    cpus: int = 1


@dataclass
class Ended:
    """How a run of a program ended.

    status: the program's own, 128 + N when signal N killed it, None when the
    machine did not get that far; how: boot.EXITED, HUNG or FLOODED, with the
    reason; lines: the console.
    """
    status: Optional[int] = None
    how: str = ''
    reason: str = ''
    seconds: float = 0.0
    lines: List[str] = field(default_factory=list)


def compile_static(sources: Sequence[Path], program: Path) -> None:
    """Compile a program for the guest: it has no libraries."""
    program.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(['gcc', '-std=gnu11', '-O2', '-Wall', '-Wextra', '-static', '-pthread',
                           '-o', str(program), *map(str, sources)], env=proc.environment(),
                          check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        cause = (done.stdout.strip().splitlines() or ['no message'])[0]
        raise cli.CannotTest(f'{program.name} does not compile: {cause}')


def prepare_root(root: Path) -> None:
    """Make the mount points and the init."""
    for name in _MOUNT_POINTS:
        (root / name).mkdir(parents=True, exist_ok=True)
    compile_static([INIT], root / 'init')


def _arguments(guest: Guest, folder: Path, command: Sequence[str]) -> List[str]:
    """The kernel's command line."""
    words = [f'mem={guest.mem}', 'root=/dev/root', 'rootfstype=hostfs',
             f'rootflags={guest.root}', 'ro', 'con=null', 'con0=null,fd:1', 'console=tty0',
             'kunit.enable=0', 'noreboot', 'init=/init']
    if guest.cpus > 1:
        words += [f'ncpus={guest.cpus}', 'seccomp=on']
    if guest.swap:
        disk = folder / 'swap'
        proc.output(['truncate', '-s', guest.swap, str(disk)])
        proc.output([shutil.which('mkswap') or '/sbin/mkswap', str(disk)])
        words += [f'ubda={disk}', 'GUEST_SWAP=/dev/ubda']
    return [*words, '--', *command]


def _watch(one: boot.Boot, until: float, enough: Sequence[float]) -> None:
    """Take in the console until the machine is off, hangs, or has said enough."""
    while not one.overdue():
        if select.select([one.fileno()], [], [], 0.1)[0] and not one.read():
            return
        if time.monotonic() > until:
            one.how, one.reason = boot.HUNG, 'did not end within the time limit'
            return
        if enough and time.monotonic() > enough[0]:
            return


def run(guest: Guest, command: Sequence[str], log: Path, limits: boot.Limits, seconds: float,
        settled: Callable[[str], bool]) -> Ended:
    """Boot, run, and end it: after `seconds` at the latest, or soon after a settled() line."""
    packages.need({'/sbin/mkswap': 'util-linux'})
    ended = Ended()
    enough: List[float] = []

    def line(text: str) -> bool:
        ended.lines.append(text)
        found = _VERDICT.match(text)
        if found and found.group(1) != 'failed':
            ended.status = int(found.group(2)) + (128 if found.group(1) == 'killed' else 0)
        elif settled(text) and not enough:
            enough.append(time.monotonic() + _GRACE)
        return True

    folder = log.with_suffix('.files')
    folder.mkdir(parents=True)
    until = time.monotonic() + seconds
    try:
        one = boot.Boot([str(guest.kernel), *_arguments(guest, folder, command)], log,
                        folder / 'uml', line, limits)
        try:
            _watch(one, until, enough)
        finally:
            one.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ended.how, ended.reason = one.how or boot.EXITED, one.reason
    ended.seconds = time.monotonic() - one.started
    return ended
