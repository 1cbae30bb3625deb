# SPDX-License-Identifier: GPL-2.0
"""How a run of the selftests is shown: a table for people, JSON and JUnit for programs.

docs/report.md says what is in report.json.
"""

import collections
import xml.etree.ElementTree as xml
from typing import Dict, List, Optional, Sequence

from . import paths, runreport, tap
from .kbuild import Build
from .selftests import EXPECTED, Expectation, Row

WIDTH = 100
_SHOWN = 30
_SPLAT_LINES = 16
Rows = Dict[str, Row]


def text(rows: Rows, stock: Optional[Rows], build: Build, old: Sequence[Expectation],
         again: str, logs: str) -> str:
    """What went wrong, the table, the sum."""
    lines = [build.heading()]
    for row in rows.values():
        lines += _wrong(row, again, logs)
    for one in old:
        lines.append(f'STALE   {paths.shown(EXPECTED)}:{one.line}: {one.program}: {one.status} '
                     f'{one.test}: no longer so, remove it')
    return '\n'.join([*lines, *table(rows, stock), *_sum(rows)])


def _wrong(row: Row, again: str, logs: str) -> List[str]:
    """What of a program was not expected."""
    bad = row.unexpected
    lines = []
    for result in bad[:_SHOWN]:
        lines.append(f'{result.status.upper():<8}{row.program.name}: {result.name}'[:WIDTH])
        if result.reason:
            lines.append(f'  {result.reason}'[:WIDTH])
    if len(bad) > _SHOWN:
        lines.append(f'  ... and {len(bad) - _SHOWN} more')
    if bad:
        for splat in row.splats:
            lines += [f'  {line}'[:WIDTH] for line in splat[:_SPLAT_LINES]]
        lines += [f'  again: {again.replace("@", row.program.name)}',
                  f'  log: {logs}/{row.program.file}.log, .kernel']
    return lines


def table(rows: Rows, stock: Optional[Rows]) -> List[str]:
    """A line for each program: passed, failed, skipped, and the same on the stock kernel."""
    width = max([len(name) for name in rows] + [len('program')])
    head = f'{"program":<{width}}  passed  failed skipped'
    lines = [head + ('   seconds' if stock is None else '    stock: passed  failed skipped')]
    for name, row in rows.items():
        line = f'{name:<{width}}  {_counts(row)}'
        if stock is None:
            line += f'{row.seconds:10.1f}'
        elif name in stock:
            line += f'           {_counts(stock[name])}'
        lines.append(line + _note(row))
    return lines


def counts(row: Row) -> Dict[str, int]:
    """A row's results by what became of them; 'failed' holds whatever is bad."""
    return {'passed': row.count(tap.PASSED), 'failed': row.count(*tap.BAD),
            'skipped': row.count(tap.SKIPPED), 'xfailed': row.count(tap.XFAILED)}


def _counts(row: Row) -> str:
    count = counts(row)
    return f'{count["passed"]:6}  {count["failed"]:6} {count["skipped"]:7}'


def _note(row: Row) -> str:
    """What the three numbers do not tell."""
    notes = [f'{row.count(tap.XFAILED)} failed as it expects'] * bool(row.count(tap.XFAILED))
    notes += sorted({result.status for result in row.results
                     if result.status in (tap.HUNG, tap.CRASHED, tap.FLOODED)})
    return f'   ({", ".join(notes)})' if notes else ''


def _sum(rows: Rows) -> List[str]:
    """The last lines: how many of what, and why what did not pass did not have to."""
    total = totals(rows)
    reasons = collections.Counter(reason for row in rows.values() for reason in row.expected
                                  if reason)
    lines = [f'  expected, {count}: {reason}'[:WIDTH] for reason, count in reasons.most_common()]
    return [*lines, f'{total["passed"]} passed, {total["failed"]} failed, '
                    f'{total["skipped"]} skipped, {total["expected"]} failed as expected, in '
                    f'{len(rows)} programs   {sum(row.seconds for row in rows.values()):.0f} s']


def totals(rows: Rows) -> Dict[str, int]:
    """Tests by what became of them; failed and crashed are those that were not expected."""
    total = collections.Counter({'passed': 0, 'failed': 0, 'skipped': 0, 'crashed': 0,
                                 'expected': 0, 'not_run': 0})
    for row in rows.values():
        for result, reason in zip(row.results, row.expected):
            if result.status == tap.PASSED:
                total['passed'] += 1
            elif result.status == tap.XFAILED or reason and result.status != tap.SKIPPED:
                total['expected'] += 1
            elif result.status == tap.SKIPPED:
                total['skipped' if reason else 'failed'] += 1
            else:
                total['failed' if result.status == tap.FAILED else 'crashed'] += 1
    return dict(total)


def facts(rows: Rows, stock: Optional[Rows], build: Build, old: Sequence[Expectation],
          stock_build: Optional[Build]) -> Dict[str, object]:
    """report.json, less what Report itself adds."""
    known: Dict[str, object] = {
        'kernel': build.tree.facts(), 'series': build.tree.series, 'config': build.config.name,
        'compiler': build.compiler, 'tests': totals(rows),
        'programs': [_program(row) for row in rows.values()],
        'stale': [{'program': one.program, 'test': one.test, 'line': one.line} for one in old],
        'seconds': round(sum(row.seconds for row in rows.values()), 3)}
    if stock is not None and stock_build is not None:
        known['stock'] = {'kernel': stock_build.tree.facts(),
                          'programs': [_program(row) for row in stock.values()]}
    return known


def _program(row: Row) -> Dict[str, object]:
    tests = []
    for result, expected in zip(row.results, row.expected or [''] * len(row.results)):
        tests.append({'name': result.name, 'status': result.status,
                      **({'reason': result.reason} if result.reason else {}),
                      **({'expected': expected} if expected else {})})
    return {'name': row.program.name, **counts(row), 'seconds': round(row.seconds, 3),
            'ended': row.ending.title(), 'log': f'{row.program.file}.log', 'tests': tests}


def junit(rows: Rows) -> str:
    """JUnit XML: a testsuite for each program; expected failures are skipped there."""
    root = xml.Element('testsuites')
    for row in rows.values():
        bad = {id(result) for result in row.unexpected}
        idle = [result for result in row.results if id(result) not in bad
                and result.status != tap.PASSED]
        node = xml.SubElement(root, 'testsuite', name=row.program.name,
                              tests=str(len(row.results)), failures=str(len(bad)),
                              skipped=str(len(idle)), time=f'{row.seconds:.3f}')
        for result, expected in zip(row.results, row.expected):
            leaf = xml.SubElement(node, 'testcase', classname=row.program.name,
                                  name=runreport.xml_text(result.name))
            if id(result) in bad:
                failure = xml.SubElement(leaf, 'failure', type=result.status,
                                         message=runreport.xml_text(result.reason))
                failure.text = runreport.xml_text('\n'.join(
                    line for splat in row.splats for line in splat))
            elif result.status != tap.PASSED:
                xml.SubElement(leaf, 'skipped',
                               message=runreport.xml_text(expected or result.reason))
    return xml.tostring(root, encoding='unicode') + '\n'
