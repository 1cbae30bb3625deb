# SPDX-License-Identifier: GPL-2.0
"""Run a program in a guest whose kernel speaks on the program's own console.

As guest.py does, whose roots it boots, but for who must know at which of the
program's lines the kernel complained, and that it did at once.
"""

import re
import select
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, List, Optional, Sequence

from . import boot
from .guest import make_disk

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


def _arguments(guest: Guest, folder: Path, command: Sequence[str]) -> List[str]:
    """The kernel's command line."""
    words = [f'mem={guest.mem}', 'root=/dev/root', 'rootfstype=hostfs',
             f'rootflags={guest.root}', 'ro', 'con=null', 'con0=null,fd:1', 'console=tty0',
             'kunit.enable=0', 'noreboot', 'init=/init']
    if guest.cpus > 1:
        words += [f'ncpus={guest.cpus}', 'seccomp=on']
    if guest.swap:
        words += [f'ubda={make_disk(folder / "swap", guest.swap, ["mkswap"])}',
                  'GUEST_SWAP=/dev/ubda']
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
