# SPDX-License-Identifier: GPL-2.0
"""Run suites: as few boots as it takes, and one more for what a crash left over.

KUnit runs what one glob 'suite.case' matches.  So a selection becomes a few
globs, a boot each; when a case takes the kernel down with it, the cases that
had not run become globs in their turn.
"""

import collections
import dataclasses
import fnmatch
import json
import os
import re
import selectors
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Deque, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from . import boot, cli, configs, kbuild, kernel_log, kmemleak, ktap, paths, verdict
from .kbuild import Build
from .meter import Meter
from .verdict import Case, Name, Problem

# Instrumented kernels are slow: they may be silent for longer.
_SLOW = ('KASAN', 'PROVE_LOCKING', 'DEBUG_KMEMLEAK', 'GCOV', 'GCOV_KERNEL')
_SILENCE = 60.0
_SILENCE_SLOW = 180.0
# A suite whose cases hang costs the limit each time.
_HANGS_PER_SUITE = 3


class DoesNotBoot(cli.CannotTest):
    """The kernel does not come up: a finding, where it is what is tested."""


@dataclass(frozen=True)
class Options:
    """How to run: jobs at a time, seconds of silence that mean a hang (0: the default)."""
    jobs: int = 1
    timeout: float = 0
    shuffle: Optional[int] = None
    kmemleak: bool = False


@dataclass
class BootRecord:
    """One boot for the report: its log, its command line, how it ended."""
    number: int
    log: Path
    arguments: List[str]
    seconds: float
    ended: str
    cpus: int


@dataclass
class Results:
    """What all boots of a run came to; problems belong to no case."""
    cases: List[Case] = field(default_factory=list)
    problems: List[Problem] = field(default_factory=list)
    boots: List[BootRecord] = field(default_factory=list)
    seconds: float = 0.0

    def count(self, *statuses: str) -> int:
        """How many cases have one of these statuses."""
        return sum(case.status in statuses for case in self.cases)

    @property
    def held(self) -> bool:
        """Whether nothing went wrong."""
        return not self.problems and not any(case.bad for case in self.cases)


@dataclass
class Plan:
    """One boot to do: the glob and the cases it stands for, in KUnit's order."""
    glob: str
    expected: List[Name]
    iteration: int = 1


class Run:
    """The boots of one run of a selection."""

    def __init__(self, build: Build, options: Options, logs: Path,
                 env: Optional[Dict[str, str]] = None) -> None:
        self.build = build
        self.options = options
        self.logs = logs
        self.env = env
        self.results = Results()
        self._parser = configs.kunit_module(build.tree, 'kunit_parser')
        self._started = 0
        self._hangs: Dict[str, int] = collections.Counter()
        silence = options.timeout or default_silence(kbuild.options(build.folder))
        if options.kmemleak:
            silence = max(silence, kmemleak.SILENCE)
        self.limits = boot.Limits(silence=silence, case=max(300.0, 2 * silence))
        self.inventory = inventory(self)
        self._leak_root = build.linux.parent / 'guest'
        if options.kmemleak:
            kmemleak.prepare(self._leak_root)

    def select(self, globs: Sequence[str]) -> List[Plan]:
        """The boots for the user's globs, or for our own suites when there are none."""
        if not globs:
            ours = our_suites()
            wanted = [name for name in self.inventory if name[0] in ours]
            if not wanted:
                raise cli.CannotTest(f'no suite of kunit-suites/ is in this kernel; see CONFIG='
                                     f'{self.build.config.name}, or run all with SUITE=\'*\'')
            return self._plans(wanted)
        chosen = [[name for name in self.inventory if matches(glob, name)] for glob in globs]
        for glob, names in zip(globs, chosen):
            if not names:
                raise cli.CannotTest(_unknown(glob, self.inventory))
        wanted_set = {name for names in chosen for name in names}
        if sum(len(names) for names in chosen) == len(wanted_set):
            return [Plan(glob, names) for glob, names in zip(globs, chosen)]
        return self._plans([name for name in self.inventory if name in wanted_set])

    def only(self, names: Sequence[Name]) -> List[Plan]:
        """The boots for these cases."""
        return self._plans(names)

    def run(self, plans: Sequence[Plan]) -> Results:
        """Do the boots, and those that turn out to be needed."""
        began = time.monotonic()
        waiting: Deque[Plan] = collections.deque(plans)
        active: Dict[boot.Boot, Tuple[Plan, ktap.Follower, BootRecord]] = {}
        selector = selectors.DefaultSelector()
        meter = Meter('running', sum(len(plan.expected) for plan in plans), 'cases')
        try:
            while waiting or active:
                while waiting and len(active) < self.options.jobs:
                    plan = waiting.popleft()
                    if self._given_up(plan):
                        continue
                    one, follower, record = self.start(self._arguments(plan))
                    active[one] = plan, follower, record
                    selector.register(one.fileno(), selectors.EVENT_READ, one)
                for key, _ in selector.select(timeout=0.2):
                    key.data.read()
                meter.at(len(self.results.cases) + sum(
                    len(follower.results) for _, follower, _ in active.values()))
                for one in list(active):
                    if one.how or one.overdue():
                        selector.unregister(one)
                        waiting.extendleft(reversed(self._ended(one, *active.pop(one))))
        finally:
            meter.close()
            for one in active:
                one.kill()
            selector.close()
        order = {name: number for number, name in enumerate(self.inventory)}
        self.results.cases.sort(key=lambda case: (
            case.iteration, order.get((case.suite, case.name), len(order))))
        self.results.seconds = time.monotonic() - began
        return self.results

    def start(self, arguments: Sequence[str]) -> Tuple[boot.Boot, ktap.Follower, BootRecord]:
        """Start one boot with arguments beside those of every boot."""
        self._started += 1
        log = self.logs / f'boot-{self._started}.log'
        follower = ktap.Follower(self._parser)
        common = list(boot.ARGUMENTS)
        if self.options.kmemleak and 'kunit.action=list' not in arguments:
            common.remove(boot.SHUTDOWN)
            common += kmemleak.arguments(self._leak_root)
        command = [str(self.build.linux), *common, *self.build.config.kernel_args, *arguments]
        folder = self.build.linux.parent / f'boot-{self._started}'
        record = BootRecord(self._started, log, command[1:], 0, '', 0)
        return boot.Boot(command, log, folder, follower.line, self.limits,
                         self.env), follower, record

    def _arguments(self, plan: Plan) -> List[str]:
        arguments = [f'kunit.filter_glob={plan.glob}'] if plan.glob != '*' else []
        if self.options.shuffle is not None:
            arguments.append(f'kunit.shuffle={self.options.shuffle}')
        return arguments

    def _plans(self, wanted: Sequence[Name]) -> List[Plan]:
        """Boots that run these cases and no others."""
        plans = []
        cases = _by_suite(self.inventory)
        mine = _by_suite(wanted)
        whole = [suite for suite in mine if set(mine[suite]) == set(cases[suite])]
        for glob in cover(list(cases), whole):
            plans.append(Plan(glob, [name for name in wanted if name[0] in whole and
                                     fnmatch.fnmatchcase(name[0], glob)]))
        for suite, names in mine.items():
            if suite not in whole:
                for glob in cover(cases[suite], names):
                    plans.append(Plan(f'{suite}.{glob}', [
                        (suite, case) for case in names if fnmatch.fnmatchcase(case, glob)]))
        return plans

    def _ended(self, one: boot.Boot, plan: Plan, follower: ktap.Follower,
               record: BootRecord) -> List[Plan]:
        """Take in a boot's results; the boots for what it left over."""
        record.seconds = time.monotonic() - one.started
        record.ended = one.reason or one.how
        record.cpus = _cpus(follower.before)
        self.results.boots.append(record)
        expected = plan.expected
        if self.options.shuffle is not None and not follower.whole:
            expected = self._shuffled(plan)
        judged = verdict.judge(follower, one, expected, record.number, self.build)
        self.results.cases += judged.cases
        self.results.problems += judged.problems
        if self.options.kmemleak and not one.reason and kmemleak.DONE not in follower.pending:
            self.results.problems.append(Problem(
                'kmemleak', 'did not get to its end', follower.pending[-20:], record.number))
        if one.how == boot.HUNG:
            for case in judged.cases:
                self._hangs[case.suite] += case.status == verdict.HUNG
        for case in judged.cases:
            case.iteration = plan.iteration
        for problem in judged.problems:
            problem.iteration = plan.iteration
        return [dataclasses.replace(more, iteration=plan.iteration)
                for more in self._plans(judged.left)]

    def _given_up(self, plan: Plan) -> bool:
        """Whether a suite has hung so often that the rest of it is not run."""
        left = [name for name in plan.expected if self._hangs[name[0]] < _HANGS_PER_SUITE]
        if not left:
            self.results.cases += [
                Case(suite, name, verdict.NOT_RUN, iteration=plan.iteration,
                     message='not run: others of its suite hang')
                for suite, name in plan.expected]
        return not left

    def _shuffled(self, plan: Plan) -> List[Name]:
        """The order in which a shuffled boot ran its cases."""
        return _listed(self, [*self._arguments(plan), 'kunit.action=list'])


def spread(plans: Sequence[Plan], inventory_: Sequence[Name], count: int) -> List[Plan]:
    """The same cases in that many boots, as far as one glob can tell them apart.

    Boots wait more than they compute.  What shares its suite's first letter stays together.
    """
    if len(plans) != 1 or count < 2:
        return list(plans)
    letters = collections.Counter(suite[0] for suite, _ in plans[0].expected)
    parts: List[List[str]] = [[] for _ in range(count)]
    for letter, _ in letters.most_common():
        min(parts, key=lambda part: sum(letters[one] for one in part)).append(letter)
    suites = list(_by_suite(inventory_))
    made = []
    for part in filter(None, parts):
        names = [name for name in plans[0].expected if name[0][0] in part]
        globs = cover(suites, list(_by_suite(names)))
        if len(globs) != 1:
            return list(plans)
        made.append(Plan(globs[0], names, plans[0].iteration))
    return made


def repeated(plans: Sequence[Plan], times: int) -> List[Plan]:
    """The boots of a number of iterations."""
    return [dataclasses.replace(plan, iteration=iteration)
            for iteration in range(1, times + 1) for plan in plans]


def isolated(plans: Sequence[Plan]) -> List[Plan]:
    """A boot for each case, so that none finds what another left behind."""
    return [Plan('.'.join(name), [name], plan.iteration) for plan in plans
            for name in plan.expected]


def default_silence(options: Dict[str, str]) -> float:
    """Seconds without output after which a kernel of this configuration hangs."""
    return _SILENCE_SLOW if any(options.get(slow) == 'y' for slow in _SLOW) else _SILENCE


def inventory(run: Run) -> List[Name]:
    """All cases in the kernel, in its order; remembered until the kernel changes."""
    cache = run.build.folder / '.suites.json'
    stat = run.build.linux.stat()
    stamp = [stat.st_ino, stat.st_mtime_ns, stat.st_size]
    try:
        known = json.loads(cache.read_text(encoding='utf-8'))
        if known['stamp'] == stamp:
            return [(suite, name) for suite, name in known['cases']]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    cases = _listed(run, ['kunit.action=list'])
    cache.write_text(json.dumps({'stamp': stamp, 'cases': cases}), encoding='utf-8')
    return cases


def _listed(run: Run, arguments: Sequence[str]) -> List[Name]:
    """The cases that KUnit lists, in its order."""
    one, follower, record = run.start(arguments)
    try:
        while one.read() and not one.overdue():
            selectors_wait(one)
    finally:
        one.kill()
    lines = [kernel_log.plain(line) for line in follower.pending]
    found = [re.match(r'([^\s.]+)\.(\S+)$', line) for line in lines]
    cases = [(name.group(1), name.group(2)) for name in found if name]
    if one.reason or not cases:
        tail = [line for line in (follower.before + follower.pending) if line.strip()][-1:]
        raise DoesNotBoot(
            f'the kernel does not come up as far as its list of tests ({one.reason or "no test"}'
            f'): {" ".join(tail)}; its log is {paths.shown(record.log)}')
    record.log.unlink()
    run._started -= 1
    return cases


def selectors_wait(one: boot.Boot) -> None:
    """Wait a moment for output."""
    with selectors.DefaultSelector() as selector:
        selector.register(one.fileno(), selectors.EVENT_READ)
        selector.select(timeout=0.2)


def our_suites() -> Set[str]:
    """The names of the suites that kunit-suites/ defines."""
    names: Set[str] = set()
    for source in paths.SUITES.rglob('*.[ch]'):
        names.update(re.findall(r'\.name\s*=\s*"([^"]+)"',
                                source.read_text(encoding='utf-8', errors='replace')))
    return names


def matches(glob: str, name: Name) -> bool:
    """Whether KUnit's filter_glob takes a case."""
    suite, dot, case = glob.partition('.')
    return fnmatch.fnmatchcase(name[0], suite) and (
        not dot or fnmatch.fnmatchcase(name[1], case))


def cover(universe: Sequence[str], wanted: Sequence[str], prefix: str = '') -> List[str]:
    """Few globs that match all that is wanted and nothing else of the universe."""
    mine = {name for name in wanted if name.startswith(prefix)}
    others = {name for name in universe if name.startswith(prefix)} - mine
    if not mine:
        return []
    if not others:
        return [f'{prefix}*']
    first = len(prefix)
    mixed = {name[first:first + 1] for name in mine} & {name[first:first + 1] for name in others}
    free = sorted({name[first:first + 1] for name in mine} - mixed)
    globs = [prefix] if '' in free else []
    plain = [letter for letter in free if letter.isalnum() or letter == '_']
    if plain:
        globs.append(f'{prefix}{plain[0] if len(plain) == 1 else "[" + "".join(plain) + "]"}*')
    globs += [f'{prefix}{letter}*' for letter in free if letter and letter not in plain]
    for letter in sorted(mixed):
        globs += cover(universe, wanted, prefix + letter)
    return globs


def _by_suite(names: Iterable[Name]) -> Dict[str, List[str]]:
    suites: Dict[str, List[str]] = {}
    for suite, case in names:
        suites.setdefault(suite, []).append(case)
    return suites


def _unknown(glob: str, inventory_: Sequence[Name]) -> str:
    """The message for a glob that matches nothing: with the names that are near."""
    import difflib
    suites = list(_by_suite(inventory_))
    suite, dot, case = glob.partition('.')
    names = [f'{one}.{name}' for one, name in inventory_ if fnmatch.fnmatchcase(one, suite)]
    if dot and names:
        near = difflib.get_close_matches(f'{suite}.{case}', names, 5, 0.3) or names[:5]
    else:
        near = difflib.get_close_matches(suite.strip('*'), suites, 5, 0.3) or suites[:10]
    return f"SUITE: nothing in this kernel is called '{glob}'; there is {', '.join(near)}"


def _cpus(lines: Sequence[str]) -> int:
    """How many CPUs came up, by the kernel's own words."""
    for line in lines:
        found = re.search(r'smp: Brought up \d+ nodes?, (\d+) CPU', line)
        if found:
            return int(found.group(1))
    return 1


def random_seed() -> int:
    """A seed for SHUFFLE=random."""
    return int.from_bytes(os.urandom(4), 'big') or 1
