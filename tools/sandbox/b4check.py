# SPDX-License-Identifier: GPL-2.0
"""A review in the form that b4's per-patch checks want: a JSON array of results."""

from typing import Dict, List

from coverage import change

from .reviewfacts import Facts, ratio

TOOL = 'mm-sandbox'


def results(said: Facts, url: str) -> List[Dict[str, str]]:
    """build, tests and coverage of the (last) patch, each with pass, warn or fail."""
    patch = said['patches'][-1]
    return [_build(patch, url), _tests(said, url), _coverage(said, url)]


def failure(message: str) -> List[Dict[str, str]]:
    """What could not be tested."""
    return [_one('apply', 'fail', message, '', '')]


def _one(what: str, status: str, summary: str, url: str, details: str) -> Dict[str, str]:
    return {'tool': f'{TOOL} {what}', 'status': status, 'summary': summary, 'url': url,
            'details': details}


def _build(patch: Facts, url: str) -> Dict[str, str]:
    if patch['builds'] is False:
        return _one('build', 'fail', 'does not build', url, patch['error'])
    complaints = [f'{one["file"]}:{one["line"]} {one["text"]}' for one in patch['warnings']]
    complaints += patch['checkpatch']
    if complaints:
        return _one('build', 'warn', f'builds, {len(complaints)} complaints', url,
                    '\n'.join(complaints))
    return _one('build', 'pass', 'builds without complaint', url, '')


def _tests(said: Facts, url: str) -> Dict[str, str]:
    tests = said['tests']
    if not said['measured']:
        return _one('tests', 'fail', 'not tested: the kernel does not build or boot', url, '')
    bad = [f'{one["case"]}: {one["message"]}' for one in tests['failures']]
    if bad:
        return _one('tests', 'fail', f'{len(bad)} KUnit cases fail', url, '\n'.join(bad))
    return _one('tests', 'pass', f'{tests["passed"]} KUnit cases pass', url, '')


def _coverage(said: Facts, url: str) -> Dict[str, str]:
    patch = said['patches'][-1]
    lines, branches = ratio(patch['totals'], 'lines'), ratio(patch['totals'], 'branches')
    if not said['measured']:
        return _one('coverage', 'fail', 'not measured', url, '')
    if not lines.total:
        return _one('coverage', 'pass', 'no changed line has code here', url, '')
    missing = [f'{path}:{number} {line.get("reason", "")}'
               for path, rows in patch['files'].items() for number, line in rows.items()
               if line['class'] in (change.UNCOVERED, change.PARTIAL)]
    summary = (f'{lines.covered} of {lines.total} changed lines executed, '
               f'{branches.covered} of {branches.total} branch outcomes')
    return _one('coverage', 'warn' if missing else 'pass', summary, url, '\n'.join(missing))
