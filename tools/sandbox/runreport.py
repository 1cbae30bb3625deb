# SPDX-License-Identifier: GPL-2.0
"""How a run is shown: text for people, JSON and JUnit XML for programs.

report.json of a run, beside what every report has (kernel, series, config,
compiler):

tests      passed, failed, skipped, crashed, not_run: numbers of cases, where
           crashed holds panics, hangs and floods; cases: a list of
  name         'suite.case'
  status       passed, failed, skipped, crashed, hung, flooded or 'not run'
  seconds      as seen from the host
  message      the cause in one line, when it is bad
  reason       why it was skipped
  boot         number of the boot it ran in
  iteration    of REPEAT, when there are several
  parameters   [{name, status, seconds, reason}] of a parameterised case
problems   what went wrong outside every case: where, message, boot
boots      number, log, arguments, seconds, ended, cpus
seconds    of all boots together;  shuffle: the seed or null
"""

import collections
import itertools
import re
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from . import ktap, paths, verdict
from .kbuild import Build
from .testrun import Results
from .verdict import Case

WIDTH = 80
_LOG_LINES = 16
_SHOWN_FAILURES = 20
_TITLES = {verdict.FAILED: 'FAILED', verdict.CRASHED: 'CRASHED', verdict.HUNG: 'HUNG',
           verdict.FLOODED: 'FLOODED'}


def text(results: Results, build: Build, again: str, logs: str) -> str:
    """The report as a person reads it: causes first, else a line for each suite."""
    lines = [build.heading()]
    bad = [case for case in results.cases if case.status in _TITLES]
    many = any(case.iteration > 1 for case in results.cases)
    for problem in results.problems:
        lines += [f'FAILED {problem.where}{_iteration(many * problem.iteration)}',
                  *_cut(problem.message), *_excerpt(problem.log, problem.message, build),
                  f'  log: {logs}/boot-{problem.boot}.log']
    for case in bad[:_SHOWN_FAILURES]:
        lines += _failure(case, many, build, again, logs)
    if len(bad) > _SHOWN_FAILURES:
        lines.append(f'... and {len(bad) - _SHOWN_FAILURES} more, see {logs}/report.txt')
    if results.held:
        lines += _suites(results.cases)
    lines += _sum(results)
    return '\n'.join(lines)


def _failure(case: Case, many: bool, build: Build, again: str, logs: str) -> List[str]:
    """One bad case: what, why, how to see it again."""
    name = f'{case.suite}.{case.name}'
    lines = [f'{_TITLES[case.status]:<8}{case.suite}: {case.name}'
             f'{_iteration(many * case.iteration)}']
    if case.status != verdict.FAILED or 'FAILED at' not in case.message:
        lines += _cut(case.message)
    lines += _excerpt(case.log, case.message, build,
                      3 if case.status == verdict.FLOODED else _LOG_LINES)
    lines.append(f'  again: {again.replace("@", name)}')
    if case.status != verdict.FAILED:
        lines.append(f'  log: {logs}/{case.suite}.log')
    return lines


def _iteration(number: int) -> str:
    return f', iteration {number}' if number else ''


def _cut(message: str) -> List[str]:
    message = message.replace('mm/tests/sandbox/', 'kunit-suites/')
    return [f'  {message[:WIDTH - 2]}'] if message else []


_NOISE = re.compile(
    r'\s*(?:KTAP version|# Subtest|# module: |1\.\.\d|Stack:$|[0-9a-f]{8,16}( [0-9a-f]{8,16})*$|'
    r'Modules linked in|CPU: |Pid: |Hardware name|Tainted: |'
    r'R[A-HJ-Z0-9]\w: |hex dump|([0-9a-f]{2} ){16}|backtrace \(crc|-+\[|=+$|$)')
_GUESSED = re.compile(r'\s*\? ')
# Every stack trace begins in the one and ends in the other.
_MACHINERY = re.compile(
    r'\s*(?:show_stack|dump_stack(?:_lvl)?|__warn|warn_slowpath_fmt|v?panic|add_taint|_printk|'
    r'save_stack_trace|stack_trace_save|set_track_prepare|__alloc_object|__create_object|'
    r'kmemleak_alloc|Call Trace|kunit_try_run_case|kunit_generic_run_threadfn_adapter|kthread|'
    r'new_thread_handler)\b')


def _excerpt(log: Sequence[str], message: str, build: Build,
             most: int = _LOG_LINES) -> List[str]:
    """The telling lines of a log, as a person in the repository's root wants them."""
    sure = any(re.match(r' \w+', line) for line in log)
    kept = [_shown(line, build)
            for line in itertools.takewhile(lambda line: not line.startswith('Linux version'), log)
            if not _NOISE.match(line) and not message.startswith(line.strip())
            and not (sure and _GUESSED.match(line)) and not _MACHINERY.match(line)]
    if len(kept) > most:
        kept[most:] = [f'  ... {len(kept) - most} more lines in the log']
    return kept


def _shown(line: str, build: Build) -> str:
    """A line of a log; what a test prints is never cut, it may be a picture."""
    line = line.replace('mm/tests/sandbox/', 'kunit-suites/').replace(f'{build.tree.src}/', '')
    failed = re.match(r'\s*# \S+: (EXPECTATION|ASSERTION) FAILED at (\S+)$', line)
    if failed:
        return f'  {failed.group(2)}: {failed.group(1).lower()} failed'
    if line.startswith('    '):
        return f'  {line[4:]}'
    return f'  {line}'[:WIDTH]


def _suites(cases: Sequence[Case]) -> List[str]:
    """A line for each suite."""
    suites = _by_suite(cases)
    width = max([len(suite) for suite in suites] + [14])
    lines = []
    for suite, members in suites.items():
        passed = sum(case.status == verdict.PASSED for case in members)
        skipped = sum(case.status == verdict.SKIPPED for case in members)
        seconds = sum(case.seconds for case in members)
        note = f', {skipped} skipped' if skipped else ''
        lines.append(f'{suite:<{width}}  {passed:>4} passed{note:<13} {seconds:6.2f} s')
    return lines


def _by_suite(cases: Sequence[Case]) -> Dict[str, List[Case]]:
    suites: Dict[str, List[Case]] = {}
    for case in cases:
        suites.setdefault(case.suite, []).append(case)
    return suites


def _sum(results: Results) -> List[str]:
    """The last lines: how many of what, how long it took, why some were skipped."""
    counts = totals(results)
    line = f'{counts["passed"]} passed, {counts["failed"]} failed, {counts["skipped"]} skipped'
    reasons = collections.Counter(case.reason or 'no reason given' for case in results.cases
                                  if case.status == verdict.SKIPPED)
    if counts['crashed']:
        line += f', {counts["crashed"]} crashed or hung'
    if counts['not_run']:
        line += f', {counts["not_run"]} not run'
    cpus = max((boot.cpus for boot in results.boots), default=1)
    line += f', {cpus} CPUs' if cpus > 1 else ''
    boots = f' in {len(results.boots)} boots' if len(results.boots) > 1 else ''
    took = f'   {results.seconds:.2f} s{boots}'
    why = ', '.join(reasons)
    if len(reasons) == 1 and len(line) + len(why) + len(took) + 3 <= WIDTH:
        return [line.replace('skipped', f'skipped ({why})', 1) + took]
    return [*(f'  skipped {count}: {reason}' for reason, count in reasons.most_common()),
            line + took]


def totals(results: Results) -> Dict[str, int]:
    """Cases by what became of them."""
    return {'passed': results.count(verdict.PASSED), 'failed': results.count(verdict.FAILED),
            'skipped': results.count(verdict.SKIPPED),
            'crashed': results.count(verdict.CRASHED, verdict.HUNG, verdict.FLOODED),
            'not_run': results.count(verdict.NOT_RUN)}


def facts(results: Results, build: Build, shuffle: Optional[int] = None) -> Dict[str, object]:
    """report.json, less what Report itself adds."""
    tests: Dict[str, object] = {**totals(results)}
    tests['cases'] = [_case_facts(case) for case in results.cases]
    return {
        'kernel': build.tree.facts(), 'series': build.tree.series, 'config': build.config.name,
        'compiler': build.compiler,
        'tests': tests,
        'problems': [{'where': problem.where, 'message': problem.message, 'boot': problem.boot,
                      'iteration': problem.iteration}
                     for problem in results.problems],
        'boots': [{'number': boot.number, 'log': boot.log.name, 'arguments': boot.arguments,
                   'seconds': round(boot.seconds, 3), 'ended': boot.ended, 'cpus': boot.cpus}
                  for boot in results.boots],
        'seconds': round(results.seconds, 3), 'shuffle': shuffle}


def _case_facts(case: Case) -> Dict[str, object]:
    known: Dict[str, object] = {'name': f'{case.suite}.{case.name}', 'status': case.status,
                                'seconds': round(case.seconds, 4), 'boot': case.boot}
    if case.message:
        known['message'] = case.message
    if case.reason:
        known['reason'] = case.reason
    if case.iteration > 1:
        known['iteration'] = case.iteration
    if case.parameters:
        known['parameters'] = [_parameter(one) for one in case.parameters]
    return known


def _parameter(one: ktap.Result) -> Dict[str, object]:
    return {'name': one.name, 'status': one.status, 'seconds': round(one.seconds, 4),
            **({'reason': one.reason} if one.reason else {})}


_NOT_XML = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd]')


def xml_text(text: str) -> str:
    """A text without what XML cannot hold."""
    return _NOT_XML.sub('?', text)


def junit(results: Results) -> str:
    """JUnit XML: a testsuite for each suite, problems as cases of a suite 'boot'."""
    root = xml.Element('testsuites')
    suites = _by_suite(results.cases)
    if results.problems:
        suites['boot'] = [Case('boot', problem.where, verdict.FAILED, message=problem.message,
                               log=problem.log) for problem in results.problems]
    for suite, members in suites.items():
        node = xml.SubElement(
            root, 'testsuite', name=suite, tests=str(len(members)),
            failures=str(sum(case.bad for case in members)),
            skipped=str(sum(case.status == verdict.SKIPPED for case in members)),
            time=f'{sum(case.seconds for case in members):.3f}')
        for case in members:
            leaf = xml.SubElement(node, 'testcase', classname=suite, name=case.name,
                                  time=f'{case.seconds:.3f}')
            if case.status == verdict.SKIPPED:
                xml.SubElement(leaf, 'skipped', message=case.reason)
            elif case.bad:
                failure = xml.SubElement(leaf, 'failure', type=case.status,
                                         message=xml_text(case.message))
                failure.text = xml_text('\n'.join(case.log))
    return xml.tostring(root, encoding='unicode') + '\n'


def suite_logs(results: Results, folder: Path) -> None:
    """SUITE.log beside the report, for each suite with something to tell."""
    for suite in {case.suite for case in results.cases if case.log}:
        lines: List[str] = []
        for case in results.cases:
            if case.suite == suite and case.log:
                lines += [f'== {case.name}: {case.status} {case.message}'.rstrip(), *case.log]
        (folder / f'{Path(suite).name}.log').write_text(
            '\n'.join(lines) + '\n', encoding='utf-8', errors='backslashreplace')


def shown(folder: Path) -> str:
    """A report's folder by the name that a person uses."""
    return f'{paths.shown(folder.parent)}/latest'
