# SPDX-License-Identifier: GPL-2.0
"""The lines that a change wrote: each gets a class, and a reason where one is needed.

A class is what can be said of a line after a run.  What has code is what gcov
counted; of the rest, the text, the configuration and the compiler's own
preprocessor say why there is none.
"""

from dataclasses import dataclass, field
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from . import source as text_of
from .model import File, Line, Ratio
from .source import Row, Source, Value

COVERED, PARTIAL, UNCOVERED = 'covered', 'partial', 'uncovered'
NO_CODE, NOT_COMPILED = 'no-code', 'not-compiled'
OPTIMISED_OUT, EXCLUDED = 'optimised-out', 'excluded'
CLASSES = (COVERED, PARTIAL, UNCOVERED, EXCLUDED, NOT_COMPILED, OPTIMISED_OUT, NO_CODE)

# What one configuration knows of a line gives way to what another knows better.
_BETTER = {name: rank for rank, name in enumerate(
    (COVERED, PARTIAL, UNCOVERED, EXCLUDED, OPTIMISED_OUT, NOT_COMPILED, NO_CODE))}
NEVER_TRUE, NEVER_FALSE = 'never true', 'never false'
NOBODY = 'no test gets here'
COUNTED = (COVERED, PARTIAL, UNCOVERED, EXCLUDED)


@dataclass
class Verdict:
    """One changed line.

    count, branches: executions of the line and of each outcome.  tests: who
    ran it.  reason: why it is not covered, or has no code; unless: where it may
    be otherwise.  configs: where it was executed.
    """
    kind: str
    count: int = 0
    branches: List[int] = field(default_factory=list)
    tests: List[str] = field(default_factory=list)
    reason: str = ''
    configs: List[str] = field(default_factory=list)
    unless: str = ''

    @property
    def outcomes(self) -> Ratio:
        """Branch outcomes that happened, of all."""
        return Ratio(sum(1 for taken in self.branches if taken), len(self.branches))

    def facts(self) -> Dict[str, object]:
        """For report.json: what there is to say."""
        said: Dict[str, object] = {'class': self.kind}
        if self.kind in COUNTED:
            said.update(count=self.count, tests=self.tests, config=self.configs)
            if self.branches:
                said['branches'] = self.branches
        if self.reason:
            said['reason'] = self.reason + (f', unless {self.unless}' if self.unless else '')
        return said


@dataclass
class Knowledge:
    """What one configuration's build and run know of one file.

    where: what to add when gcc kept no code, as ' in 3 of 9 objects'.
    lines: gcov's, None when the file is part of no object that was measured.
    absent: why the file as a whole is not in this kernel, '' when it is.
    known: which macros are set.  seen: asks the preprocessor for the lines it
    let through, None when nobody can ask.  why: reasons for gaps, by line.
    tests: who ran a line.  unless: whose executions were lost, '' when all are
    known.  crashed: the test under which the kernel was last seen in a line.
    """
    config: str
    lines: Optional[File]
    known: Callable[[str], Value]
    absent: str = ''
    seen: Optional[Callable[[], Optional[Set[int]]]] = None
    why: Dict[int, str] = field(default_factory=dict)
    tests: Dict[int, List[str]] = field(default_factory=dict)
    where: str = ''
    unless: str = ''
    crashed: Dict[int, str] = field(default_factory=dict)


def classify(numbers: Iterable[int], source: Optional[Source], knowledge: Knowledge
             ) -> Dict[int, Verdict]:
    """The verdicts on lines of one file in one configuration; source None: it is not C."""
    return {number: _counted(knowledge.lines.lines[number], number, source, knowledge)
            if knowledge.lines and number in knowledge.lines.lines
            else _uncounted(number, source, knowledge)
            for number in numbers}


def _counted(line: Line, number: int, source: Optional[Source], knowledge: Knowledge) -> Verdict:
    """A line that gcov knows."""
    verdict = Verdict(COVERED, line.count, list(line.branches), knowledge.tests.get(number, []))
    if line.count:
        verdict.configs = [knowledge.config]
    complete = line.count and verdict.outcomes.covered == verdict.outcomes.total
    if not complete:
        verdict.kind = PARTIAL if line.count else UNCOVERED
        if number in knowledge.why:
            verdict.kind, verdict.reason = EXCLUDED, knowledge.why[number]
        elif not line.count and number in knowledge.crashed:
            verdict.reason = f'the kernel was here when {knowledge.crashed[number]} crashed'
        else:
            verdict.reason = NOBODY if not line.count else (
                _one_way(number, source, knowledge) or never(line.branches))
            verdict.unless = knowledge.unless
    return verdict


def never(branches: Sequence[int]) -> str:
    """How many outcomes never happened; which of them the compiler's order does not tell."""
    missing = sum(1 for taken in branches if not taken)
    return f'{missing} of {len(branches)} outcomes never happened'


def _one_way(number: int, source: Optional[Source], knowledge: Knowledge) -> str:
    """Whether an if always went the same way, as far as the counts around it tell.

    Of a body like `return -EINVAL;` gcc leaves no line, but then all who came went on,
    or nobody.
    """
    way = text_of.if_at(source, number) if source else None
    counted = knowledge.lines.lines if knowledge.lines else {}
    head = counted.get(way.first) if way else None
    if way is None or head is None:
        return ''
    body, after = (counted.get(line) if line else None for line in (way.body, way.after))
    if body:
        return NEVER_TRUE if not body.count else NEVER_FALSE if body.count == head.count else ''
    if after is None or not way.leaves:
        return ''
    return NEVER_TRUE if after.count == head.count else '' if after.count else NEVER_FALSE


def _uncounted(number: int, source: Optional[Source], knowledge: Knowledge) -> Verdict:
    """A line that gcov does not know."""
    if source is None:
        return Verdict(NO_CODE, reason='not C')
    row = source.row(number)
    if row.kind in (text_of.BLANK, text_of.COMMENT, text_of.DIRECTIVE):
        return Verdict(NO_CODE)
    if knowledge.absent:
        return Verdict(NOT_COMPILED, reason=knowledge.absent)
    out, why = text_of.kept_out(row, knowledge.known)
    if out is None and knowledge.seen is not None:
        seen = knowledge.seen()
        out = None if seen is None else number not in seen
    if out:
        return Verdict(NOT_COMPILED, reason=why)
    if row.kind == text_of.OUTSIDE or row.statement is None:
        return Verdict(NO_CODE)
    return _statement(number, row, source, knowledge)


def _statement(number: int, row: Row, source: Source, knowledge: Knowledge) -> Verdict:
    """A line of a function that was compiled, and for which gcc counts nothing."""
    statement = row.statement
    assert statement is not None
    if text_of.has_no_code(statement.text):
        return Verdict(NO_CODE)
    counted = knowledge.lines.lines if knowledge.lines else {}
    at = [line for line in range(statement.first, statement.last + 1) if line in counted]
    if at:
        return Verdict(NO_CODE, reason=f'counted in line {at[0]}')
    guard = text_of.guarded_out(statement, knowledge.known)
    if guard:
        return Verdict(NOT_COMPILED, reason=guard)
    if number != statement.first:
        return Verdict(NO_CODE, reason=f'part of line {statement.first}')
    if knowledge.lines is None:
        return Verdict(OPTIMISED_OUT, reason='no object that was measured uses this file')
    whole = [(first, last) for _, first, last in source.functions if first <= number <= last]
    if whole and not any(line in counted for line in range(whole[0][0], whole[0][1] + 1)):
        return Verdict(OPTIMISED_OUT, reason=f'gcc kept no code of {row.function}()'
                       + knowledge.where)
    return Verdict(OPTIMISED_OUT, reason='merged or computed away by gcc')


def join(one: Verdict, other: Verdict) -> Verdict:
    """What two configurations together know of a line."""
    if _BETTER[other.kind] < _BETTER[one.kind] and other.kind not in COUNTED[:3]:
        return other
    if one.kind not in COUNTED or other.kind not in COUNTED:
        return other if _BETTER[other.kind] < _BETTER[one.kind] else one
    line = Line(one.count, list(one.branches))
    line.add(Line(other.count, list(other.branches)))
    joined = Verdict(COVERED, line.count, line.branches,
                     list(dict.fromkeys([*one.tests, *other.tests])), '',
                     [*one.configs, *other.configs])
    if not joined.count or joined.outcomes.covered < joined.outcomes.total:
        joined.kind = PARTIAL if joined.count else UNCOVERED
        joined.reason = _both(one, other, joined)
        if joined.count or joined.reason == NOBODY:
            joined.unless = one.unless or other.unless
        excuse = next((each.reason for each in (one, other) if each.kind == EXCLUDED), '')
        if excuse:
            joined.kind, joined.reason, joined.unless = EXCLUDED, excuse, ''
    return joined


def _both(one: Verdict, other: Verdict, joined: Verdict) -> str:
    """The reason for a gap that two configurations have."""
    if not joined.count:
        return next((each.reason for each in (one, other) if each.reason != NOBODY), NOBODY)
    said = {each.reason for each in (one, other) if each.count}
    return said.pop() if len(said) == 1 and said <= {NEVER_TRUE, NEVER_FALSE} else (
        never(joined.branches))


@dataclass
class Sum:
    """Figures over verdicts; what has a recorded reason is not held against the change."""
    lines: Ratio = Ratio(0, 0)
    branches: Ratio = Ratio(0, 0)
    classes: Dict[str, int] = field(default_factory=dict)

    def facts(self) -> Dict[str, object]:
        """For report.json."""
        return {'lines': self.lines.facts(), 'branches': self.branches.facts(),
                'classes': {name: self.classes[name] for name in CLASSES if name in self.classes}}


def total(verdicts: Iterable[Verdict]) -> Sum:
    """Add up."""
    result = Sum()
    for verdict in verdicts:
        result.classes[verdict.kind] = result.classes.get(verdict.kind, 0) + 1
        if verdict.kind in COUNTED[:3]:
            result.lines += Ratio(int(verdict.count > 0), 1)
            result.branches += verdict.outcomes
    return result


def gaps(verdicts: Dict[Tuple[str, int], Verdict]) -> List[Tuple[str, int, Verdict]]:
    """What a reviewer should look at, in order of file and line."""
    return [(path, number, verdict) for (path, number), verdict in sorted(verdicts.items())
            if verdict.kind in (PARTIAL, UNCOVERED, NOT_COMPILED)]
