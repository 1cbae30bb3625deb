# SPDX-License-Identifier: GPL-2.0
"""Follow a KTAP log line by line: which cases ended how, and where it is now.

kunit.py's parser reads a whole log and knows only the results.  Here the lines
between two results matter too: they belong to the case that was running, and
KUnit prints nothing when a plain case starts.  The lines themselves are read
with that parser's own expressions.
"""

import re
import time
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, List, Tuple

from . import kernel_log

PASSED = 'passed'
FAILED = 'failed'
SKIPPED = 'skipped'


@dataclass
class Result:
    """One case (or one parameter of one) as the log has it; seconds are the host's."""
    suite: str
    name: str
    status: str
    seconds: float
    reason: str = ''
    log: List[str] = field(default_factory=list)
    parameters: 'List[Result]' = field(default_factory=list)


@dataclass
class Suite:
    """A suite's own result line, and what was printed outside its cases."""
    name: str
    status: str = ''
    reason: str = ''
    log: List[str] = field(default_factory=list)


class Follower:
    """The state of one boot's log.

    results: cases that ended.  suites: those that began or ended, in order.
    before: lines ahead of KTAP.  after: lines behind the last suite.
    """

    def __init__(self, parser: ModuleType) -> None:
        self._parser: Any = parser
        self._pending: List[str] = []
        self._parameters: List[Result] = []
        self._clock = time.monotonic()
        self._parameter_clock = self._clock
        self.started = False
        self.planned = -1
        self.results: List[Result] = []
        self.suites: List[Suite] = []
        self.before: List[str] = []

    @property
    def suite(self) -> str:
        """The suite that has begun and not ended, or ''."""
        return self.suites[-1].name if self.suites and not self.suites[-1].status else ''

    @property
    def whole(self) -> bool:
        """Whether all the suites that the log promised have ended."""
        return self.planned == sum(bool(suite.status) for suite in self.suites)

    @property
    def pending(self) -> List[str]:
        """The lines since the last result: of the running case, or behind the last."""
        return self._pending

    @property
    def parameters(self) -> List[Result]:
        """The parameters of the running case that have ended."""
        return self._parameters

    def line(self, raw: str) -> bool:
        """Take in one line; whether it was a result."""
        line = kernel_log.plain(raw)
        if not self.started:
            self.started = bool(self._parser.KTAP_START.match(line))
            self.before.append(raw)
            return self.started
        found = self._parser.TEST_RESULT.match(line)
        if found:
            return self._result(line, found)
        begun = re.match(r'    # Subtest: (.*)$', line)
        if begun:
            self._begin(begun.group(1))
            return True
        plan = self._parser.TEST_PLAN.match(line)
        if plan and self.planned < 0:
            self.planned = int(plan.group(1))
            self._clock = time.monotonic()
            return True
        self._pending.append(raw)
        return False

    def _begin(self, suite: str) -> None:
        """A suite's header; the lines before it are the suite's, not a case's."""
        self.suites.append(Suite(suite, log=self._take()))
        self._clock = self._parameter_clock = time.monotonic()

    def _result(self, line: str, found: 're.Match[str]') -> bool:
        status, reason, name = self._status(line, found)
        depth = (len(line) - len(line.lstrip(' '))) // 4
        now = time.monotonic()
        if depth >= 2:
            self._pending.append(line)
            self._parameters.append(Result(self.suite, name, status, now - self._parameter_clock,
                                           reason))
            self._parameter_clock = now
        elif depth == 1 and self.suite:
            self.results.append(Result(self.suite, name, status, now - self._clock, reason,
                                       self._take(), self._parameters))
            self._parameters = []
            self._clock = self._parameter_clock = now
        elif depth == 0:
            if self.suite != name:      # it was skipped, or its suite_init failed
                self.suites.append(Suite(name))
            self.suites[-1].status, self.suites[-1].reason = status, reason
            self.suites[-1].log += self._take()
            self._clock = self._parameter_clock = now
        return True

    def _status(self, line: str, found: 're.Match[str]') -> Tuple[str, str, str]:
        skip = self._parser.TEST_RESULT_SKIP.match(line)
        if skip:
            return SKIPPED, skip.group(5) or '', skip.group(4).strip()
        return (PASSED if found.group(1) == 'ok' else FAILED), '', found.group(4).strip()

    def _take(self) -> List[str]:
        taken, self._pending = self._pending, []
        return taken
