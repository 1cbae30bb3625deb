# SPDX-License-Identifier: GPL-2.0
"""Run upstream's mm selftests in guests: which, what they came to, what was expected.

tools/guest/mm-selftests lists the programs, mm-selftests.expected what is known
not to pass.  A boot for each program, so that one that takes the kernel down
is a result and not the end.
"""

import re
import select
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from . import cli, guest, kbuild, kernel_log, paths, tap, userspace
from .guest import Ending, Guest, Machine
from .kbuild import Build
from .meter import Meter
from .tap import Result
from .userspace import UserSpace

LIST = paths.TOOLS / 'guest' / 'mm-selftests'
EXPECTED = paths.TOOLS / 'guest' / 'mm-selftests.expected'
_NOT_RUN = 'not run:'
_WORD = re.compile(r'(limit|memory|cpus|user)=(\S+)\s+')
_SLOW = ('KASAN', 'PROVE_LOCKING', 'DEBUG_KMEMLEAK')
_SLOWNESS = 5


@dataclass(frozen=True)
class Program:
    """A program with its arguments: the row's name; limit in seconds."""
    name: str
    limit: int = 600
    memory: str = '1G'
    cpus: int = 1
    user: int = 0

    @property
    def words(self) -> List[str]:
        """What the guest runs."""
        first, *rest = self.name.split()
        return [f'/{userspace.PROGRAMS}/{first}', *rest]

    @property
    def file(self) -> str:
        """The name of its log, without suffix."""
        return re.sub(r'[^\w.-]+', '-', self.name).strip('-')


@dataclass
class Expectation:
    """That a test of a program, or a program as a whole, does not pass; used: it was so."""
    program: str
    status: str
    test: str
    reason: str
    line: int
    used: bool = False

    def fits(self, program: str, result: Result) -> bool:
        """Whether it is about this result."""
        return (self.status == result.status and _matches(self.program, program)
                and _matches(self.test, result.name))


@dataclass
class Row:
    """What a program came to on one kernel; expected: for each result, its reason or ''."""
    program: Program
    results: List[Result]
    ending: Ending
    seconds: float
    expected: List[str] = field(default_factory=list)
    splats: List[List[str]] = field(default_factory=list)

    def count(self, *statuses: str) -> int:
        """How many results have one of these statuses."""
        return sum(result.status in statuses for result in self.results)

    @property
    def unexpected(self) -> List[Result]:
        """The results that fail the run: what did not pass, and nobody said so."""
        return [result for result, reason in zip(self.results, self.expected)
                if not reason and result.status in (*tap.BAD, tap.SKIPPED)]


def _matches(pattern: str, text: str) -> bool:
    """Whether a text is like a pattern in which only * is special."""
    return re.fullmatch('.*'.join(map(re.escape, pattern.split('*'))), text) is not None


def listed(path: Path = LIST) -> Tuple[List[Program], Dict[str, str]]:
    """The programs to run, and those that are left out with the reason."""
    text, _, rest = path.read_text(encoding='utf-8').partition(f'\n{_NOT_RUN}\n')
    programs = []
    for line in _lines(text):
        options = {}
        while True:
            word = _WORD.match(line)
            if not word:
                break
            options[word.group(1)] = word.group(2)
            line = line[word.end():]
        programs.append(Program(line, int(options.get('limit', Program.limit)),
                                options.get('memory', Program.memory),
                                int(options.get('cpus', Program.cpus)),
                                int(options.get('user', Program.user))))
    left_out = dict(line.split(': ', 1) for line in _lines(rest))
    return programs, left_out


def _lines(text: str) -> Iterable[str]:
    return (line.strip() for line in text.splitlines()
            if line.strip() and not line.lstrip().startswith('#'))


def expectations(path: Path = EXPECTED) -> List[Expectation]:
    """What is known not to pass."""
    found = []
    program = ''
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        if not line.startswith(' '):
            program = line.strip()
            continue
        entry = re.match(r' +(failed|skipped|hung|crashed) (.+) -- (.+)$', line)
        if not entry or not program:
            raise cli.CannotTest(f"{paths.shown(path)}:{number}: not of the form "
                                 "'    failed|skipped|hung|crashed TEST -- REASON'")
        found.append(Expectation(program, entry.group(1), entry.group(2), entry.group(3), number))
    return found


def chosen(programs: Sequence[Program], globs: Sequence[str]) -> List[Program]:
    """The programs that TEST= names: by the whole row, or by the program's name."""
    if not globs:
        return list(programs)
    picked = []
    for glob in globs:
        some = [one for one in programs
                if _matches(glob, one.name) or _matches(glob, one.name.split()[0])]
        if not some:
            import difflib
            names = sorted({one.name.split()[0] for one in programs})
            near = difflib.get_close_matches(glob.strip('*'), names, 5, 0.3) or names[:8]
            raise cli.CannotTest(f"TEST: there is no selftest '{glob}'; there is "
                                 f'{", ".join(near)}')
        picked += some
    return [one for one in programs if one in picked]


def unlisted(space: UserSpace) -> List[str]:
    """Programs that were built and that the list does not know: upstream has new ones."""
    programs, left_out = listed()
    known = {one.name.split()[0] for one in programs} | set(left_out)
    return [name for name in space.programs if name not in known]


@dataclass
class Started:
    """A program that is running, and what it printed so far."""
    kernel: str
    program: Program
    lines: List[str]


class Run:
    """Boots the programs on one or several kernels, some at a time."""

    def __init__(self, space: UserSpace, logs: Path, jobs: int, limit: Optional[int] = None,
                 kernel_args: Sequence[str] = ()) -> None:
        self._space = space
        self._logs = logs
        self._jobs = jobs
        self._limit = limit
        self._kernel_args = tuple(kernel_args)
        self._number = 0

    def run(self, builds: Dict[str, Build], programs: Sequence[Program]
            ) -> Dict[str, Dict[str, Row]]:
        """The rows by kernel and name of the program."""
        rows: Dict[str, Dict[str, Row]] = {kernel: {} for kernel in builds}
        waiting: List[Tuple[str, Program]] = []
        for program in programs:
            why = self._space.failed.get(program.name.split()[0])
            for kernel in builds:
                if why is None:
                    waiting.append((kernel, program))
                else:
                    rows[kernel][program.name] = _not_built(program, why)
        meter = Meter('running', len(waiting), 'programs')
        active: Dict[Guest, Started] = {}
        try:
            while waiting or active:
                while waiting and len(active) < self._jobs:
                    one, started = self._start(builds, *waiting.pop(0))
                    active[one] = started
                for one in select.select(list(active), [], [], 0.2)[0]:
                    one.read()
                for one in [one for one in active if one.how or one.overdue()]:
                    started = active.pop(one)
                    rows[started.kernel][started.program.name] = _row(
                        one, started, builds[started.kernel])
                    meter.at(meter.count + 1)
        finally:
            meter.close()
            for one in active:
                one.kill()
        return rows

    def _start(self, builds: Dict[str, Build], kernel: str, program: Program
               ) -> Tuple[Guest, Started]:
        self._number += 1
        build = builds[kernel]
        options = kbuild.options(build.folder)
        slow = _SLOWNESS if any(options.get(name) == 'y' for name in _SLOW) else 1
        machine = Machine(program.memory, program.cpus, ext4='1G', zram='512M', directory='/mnt',
                          user=program.user,
                          arguments=build.config.kernel_args + self._kernel_args)
        logs = self._logs / kernel if kernel else self._logs
        logs.mkdir(exist_ok=True)
        started = Started(kernel, program, [])
        return Guest(build.linux, machine, self._space.root, program.words,
                     build.linux.parent / f'guest-{self._number}', logs / f'{program.file}.log',
                     self._limit or program.limit * slow, started.lines.append), started


def _not_built(program: Program, why: str) -> Row:
    return Row(program, [Result(tap.WHOLE, tap.FAILED, f'does not build: {why}')],
               Ending(guest.FAILED, reason=why), 0.0)


def _row(one: Guest, started: Started, build: Build) -> Row:
    """Judge what a guest left behind."""
    seconds = time.monotonic() - one.started
    results = tap.judge(started.lines, one.ending())
    splats = kernel_log.scan(one.kernel_lines())
    decoded = [kernel_log.decode(splat.lines, build.folder / 'vmlinux', build.tree.src)
               for splat in splats[:5]]
    if splats:
        results.append(Result('the kernel log', tap.FAILED, splats[0].title))
    return Row(started.program, results, one.ending(), seconds, splats=decoded)


def expect(rows: Iterable[Row], known: Sequence[Expectation]) -> None:
    """Note for each result of each row whether, and why, it was expected."""
    for row in rows:
        row.expected = []
        for result in row.results:
            fitting = [one for one in known if one.fits(row.program.name, result)]
            for one in fitting[:1]:
                one.used = True
            row.expected.append(fitting[0].reason if fitting else '')


def stale(known: Sequence[Expectation], rows: Iterable[Row]) -> List[Expectation]:
    """Expectations about programs that ran, and that nothing needed."""
    ran = [row.program.name for row in rows]
    return [one for one in known if not one.used
            and any(_matches(one.program, name) for name in ran)]
