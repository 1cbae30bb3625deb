# SPDX-License-Identifier: GPL-2.0
"""report.json of a review, from which its other forms are made; docs/report.md describes it."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from coverage import change, diff
from coverage.change import Verdict
from coverage.model import Ratio

from . import kbuild, runreport, stepwise
from .changecoverage import Answer
from .reviewed import Change
from .stepwise import Checked
from .testrun import Results

Facts = Dict[str, Any]
Texts = Dict[Tuple[int, str, int], str]


@dataclass
class Review:
    """Everything that was found out.  answers: by patch under FULL, else the tip's for all."""
    change: Change
    checked: List[Checked]
    answers: Dict[int, Answer] = field(default_factory=dict)
    mode: str = 'tip'
    patch_config: str = ''
    base_failing: Sequence[str] = ()
    config: Sequence[str] = ()

    @property
    def answer(self) -> Answer:
        """The one of the last patch."""
        return self.answers[max(self.answers)]

    def lines(self, number: int) -> Dict[Tuple[str, int], Verdict]:
        """The verdicts on what a patch wrote."""
        return self.answers[number].of_patch(number)

    @property
    def held(self) -> bool:
        """Whether every patch builds and passes, and the tip's kernel passes, too."""
        return all(one.held for one in self.checked) and bool(self.answer.measured) and all(
            measured.results.held and not measured.lost for measured in self.answer.measured)


def facts(review: Review) -> Facts:
    """All of report.json that Report does not add."""
    measured = review.answer.measured
    tree, last = review.change.tree, review.checked[-1]
    if last.builds is None and measured and review.change.tested == review.change.tip:
        last.builds = True      # it was built, where coverage is measured
    patches = [_patch(review, checked) for checked in review.checked]
    tip = change.total(verdict for number in review.answers
                       for verdict in review.lines(number).values())
    return {
        'kernel': tree.facts(), 'series': tree.series, 'compiler': kbuild.compiler(),
        'gcov': measured[0].coverage.compiler if measured else '',
        'optimisation': measured[0].optimisation if measured else '',
        'config': list(review.config), 'measured': bool(measured),
        'title': review.change.title, 'base': review.change.base, 'tip': review.change.tip,
        'tested': review.change.tested, 'mode': review.mode, 'patch_config': review.patch_config,
        'notes': list(review.change.notes),
        'tests': {**_counts(review), 'failures': _tip_failures(review)},
        'patches': patches, 'totals': tip.facts(),
        'failures': [{'case': one.case, 'since': one.since, 'mended': one.mended,
                      'message': one.message} for one in stepwise.failures(review.checked)],
        'base_failing': sorted(review.base_failing),
        'lost': [line for one in measured for line in one.lost] + [
            f'at patch {number}: {line}' for number, answer in sorted(review.answers.items())
            if answer is not review.answer for one in answer.measured for line in one.lost],
        'stale': review.answer.stale,
        'headers': {path: {'measured': few, 'objects': many}
                    for path, (few, many) in review.answer.of.items()},
        'seconds': round(sum(one.results.seconds for one in measured), 3)}


def _counts(review: Review) -> Dict[str, int]:
    """Cases at the tip, in all the configurations that were measured."""
    sums = dict(runreport.totals(Results()))
    for measured in review.answer.measured:
        for name, number in runreport.totals(measured.results).items():
            sums[name] = sums.get(name, 0) + number
    return sums


def _tip_failures(review: Review) -> List[Facts]:
    found = []
    for measured in review.answer.measured:
        for case in measured.results.cases:
            if case.bad:
                found.append({'case': f'{case.suite}.{case.name}', 'status': case.status,
                              'message': case.message, 'config': measured.build.config.name})
        found += [{'case': problem.where, 'status': 'failed', 'message': problem.message,
                   'config': measured.build.config.name} for problem in measured.results.problems]
    return found


def _patch(review: Review, checked: Checked) -> Facts:
    """One patch."""
    step = checked.step
    verdicts = review.lines(step.number)
    owner = review.answers[step.number].owner
    files: Dict[str, Dict[str, Facts]] = {}
    moved = diff.moved(step.files)
    for (path, line), verdict in sorted(verdicts.items()):
        said: Facts = dict(verdict.facts())
        said['at'] = owner[path, line][1]
        if said['at'] in moved.get(path, ()):
            said['moved'] = True
        files.setdefault(path, {})[str(line)] = said
    return {
        'number': step.number, 'subject': step.subject, 'commit': step.commit,
        'builds': checked.builds, 'error': checked.error,
        'warnings': [warning.facts() for warning in checked.warnings],
        'checkpatch': checked.checkpatch,
        'tests': _tests(checked), 'size': checked.size.facts() if checked.size else None,
        'functions': {'changed': sorted(checked.changed), 'indirect': sorted(checked.indirect)},
        'added': sum(len(file.added) for file in step.files),
        'touched': sorted({file.path for file in step.files}),
        'files': files, 'totals': change.total(verdicts.values()).facts()}


def _tests(checked: Checked) -> Optional[Facts]:
    if checked.tests is None:
        return None
    return {**runreport.totals(checked.tests), 'failures': checked.failures}


def ratio(totals: Facts, name: str) -> Ratio:
    """Lines or branches of a report's totals."""
    return Ratio(totals[name]['covered'], totals[name]['total'])


@dataclass
class Gap:
    """A place that a reviewer should look at."""
    patch: int
    path: str
    line: int
    text: str
    facts: Facts


def texts(reviewed: Change) -> Texts:
    """What the patches add, as they have it: by patch, file and line there."""
    return {(step.number, file.path, at): row.strip() for step in reviewed.steps
            for file in step.files for at, row in file.added.items()}


def gaps(said: Facts, added: Texts) -> List[Gap]:
    """What was not covered, patch by patch."""
    found = []
    for patch in said['patches']:
        for path, lines in patch['files'].items():
            for number, line in lines.items():
                if line['class'] in (change.PARTIAL, change.UNCOVERED, change.NOT_COMPILED):
                    shown = added.get((patch['number'], path, line['at']), '')
                    found.append(Gap(patch['number'], path, int(number), shown, line))
    return found


@dataclass(frozen=True)
class Gate:
    """--fail-under: the least share in percent, None for whatever."""
    lines: Optional[float] = None
    branches: Optional[float] = None

    def complaints(self, totals: Facts) -> List[str]:
        """What is under the limit; nothing to execute is enough."""
        found = []
        for name, least in (('lines', self.lines), ('branches', self.branches)):
            share = ratio(totals, name)
            if least is not None and share.total and 100 * share.covered < least * share.total:
                found.append(f'{name}: {share.covered} of {share.total} covered '
                             f'({share.percent}), {least:g} % wanted')
        return found
