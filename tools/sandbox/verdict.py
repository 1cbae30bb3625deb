# SPDX-License-Identifier: GPL-2.0
"""From one boot's log to verdicts: what each case came to, and what belongs to none.

A case that passed but left a splat behind has failed.  A case that was running
when the kernel ended crashed, hung or flooded the log; its name is the first
of the expected ones that has no result.
"""

import re
from dataclasses import dataclass, field
from typing import List, Optional, Sequence, Tuple

from . import boot, kbuild, kernel_log, ktap
from .kbuild import Build

PASSED, FAILED, SKIPPED = ktap.PASSED, ktap.FAILED, ktap.SKIPPED
CRASHED = 'crashed'
HUNG = boot.HUNG
FLOODED = boot.FLOODED
NOT_RUN = 'not run'

Name = Tuple[str, str]
_KEPT_LINES = 400


@dataclass
class Case:
    """One case: message is the cause in one line, reason why it was skipped."""
    suite: str
    name: str
    status: str
    seconds: float = 0.0
    message: str = ''
    reason: str = ''
    log: List[str] = field(default_factory=list)
    parameters: List[ktap.Result] = field(default_factory=list)
    boot: int = 0
    iteration: int = 1

    @property
    def bad(self) -> bool:
        """Whether it counts against the run."""
        return self.status not in (PASSED, SKIPPED)


@dataclass
class Problem:
    """Something that went wrong outside every case."""
    where: str
    message: str
    log: List[str]
    boot: int
    iteration: int = 1


@dataclass
class Judged:
    """What a boot came to; left are the cases that still wait for their turn."""
    cases: List[Case]
    problems: List[Problem]
    left: List[Name]


def judge(follower: ktap.Follower, ended: boot.Boot, expected: Sequence[Name], number: int,
          build: Build) -> Judged:
    """The verdicts of one boot."""
    cases = [_case(result) for result in follower.results]
    cases += _without_cases(follower, expected)
    problems = _outside(follower, number)
    judged = Judged(cases, problems, [])
    if not follower.whole or ended.reason:
        _broken_off(judged, follower, ended, expected)
    done = {(case.suite, case.name) for case in cases}
    missing = [name for name in expected if name not in done and name not in judged.left]
    judged.cases += [Case(suite, name, NOT_RUN, message='not run') for suite, name in missing]
    for case in judged.cases:
        case.boot = number
        if case.bad:
            case.message, *case.log = _decoded([case.message, *case.log], build)
        if case.status == HUNG:
            case.message += kernel_log.waited(case.log)
    for problem in problems:
        problem.boot = number
        problem.message, *problem.log = _decoded([problem.message, *problem.log], build)
    return judged


def _case(result: ktap.Result) -> Case:
    case = Case(result.suite, result.name, result.status, result.seconds, reason=result.reason,
                log=result.log[-_KEPT_LINES:], parameters=result.parameters)
    if case.status == SKIPPED and not case.reason:      # then each of its parameters was
        case.reason = next((one.reason for one in result.parameters if one.reason), '')
    splats = kernel_log.scan(result.log)
    if splats:
        case.status = FAILED
        case.message = splats[0].title
        case.log = splats[0].lines + [line for line in result.log
                                      if re.match(r'\s*# ', line)][:20]
    elif case.status == FAILED:
        case.message = _expectation(result.log)
    return case


def _expectation(log: Sequence[str]) -> str:
    """The first failed expectation's own first line."""
    for line in log:
        found = re.search(r'# \S+: ((?:EXPECTATION|ASSERTION) FAILED at .*)', line)
        if found:
            return found.group(1)
    return next((line.strip(' #') for line in log if line.strip().startswith('#')), 'failed')


def _without_cases(follower: ktap.Follower, expected: Sequence[Name]) -> List[Case]:
    """The cases of suites that ended without running any: skipped, or suite_init failed."""
    ran = {result.suite for result in follower.results}
    cases = []
    for suite in follower.suites:
        if suite.name in ran or not suite.status:
            continue
        status = SKIPPED if suite.status == SKIPPED else FAILED
        message = '' if status == SKIPPED else 'its suite_init failed'
        cases += [Case(suite.name, name, status, reason=suite.reason, message=message,
                       log=suite.log[-_KEPT_LINES:])
                  for one, name in expected if one == suite.name]
    return cases


def _outside(follower: ktap.Follower, number: int) -> List[Problem]:
    """Splats before the first suite, between cases, and after the last."""
    places = [('the boot, before the first test', follower.before)]
    places += [(f'{suite.name}, outside its cases', suite.log) for suite in follower.suites]
    if follower.whole:
        places.append(('the boot, after the last test', follower.pending))
    return [Problem(where, splat.title, splat.lines, number)
            for where, lines in places for splat in kernel_log.scan(lines)[:3]]


def _broken_off(judged: Judged, follower: ktap.Follower, ended: boot.Boot,
                expected: Sequence[Name]) -> None:
    """Name what was running when the kernel ended, and what is left to run."""
    status = {boot.HUNG: HUNG, boot.FLOODED: FLOODED}.get(ended.how, CRASHED)
    log = list(follower.pending) if follower.started else list(follower.before)
    message = _cause(log, ended)
    done = {(case.suite, case.name) for case in judged.cases}
    open_ = [name for name in expected if name not in done]
    running: Optional[Name] = None
    if follower.suite:
        running = next((name for name in open_ if name[0] == follower.suite), None)
    if running:
        for parameter in follower.parameters[-1:]:
            message = f'after parameter {parameter.name}: {message}'
        judged.cases.append(Case(*running, status, message=message, log=_ends(log),
                                 parameters=list(follower.parameters)))
        judged.left = [name for name in open_ if name != running]
        return
    if not follower.started:
        where = 'the boot, before the first test'
    elif follower.suite:
        where = f'{follower.suite}, after its last case'
        judged.left = open_
    elif open_:
        where = f'{open_[0][0]}, before its first case'
        judged.left = [name for name in open_ if name[0] != open_[0][0]]
    else:
        where = 'the boot, after the last test'
    judged.problems[:] = [one for one in judged.problems if one.where != where]
    judged.problems.append(Problem(where, f'{status}: {message}', _ends(log), 0))


def _ends(log: Sequence[str]) -> List[str]:
    """A log that may be a flood: its beginning and its end."""
    half = _KEPT_LINES // 2
    if len(log) <= _KEPT_LINES:
        return list(log)
    return [*log[:half], f'... {len(log) - 2 * half} lines ...', *log[-half:]]


def _cause(log: Sequence[str], ended: boot.Boot) -> str:
    """Why the kernel ended, in one line."""
    splats = kernel_log.scan(log)
    if ended.how == boot.EXITED and splats:
        return splats[0].title
    return ended.reason or 'ended before its tests did'


def _decoded(log: Sequence[str], build: Build) -> List[str]:
    split = kbuild.options(build.folder).get('DEBUG_INFO_SPLIT') == 'y'
    return kernel_log.decode(log, build.folder / 'vmlinux', build.tree.src, split)
