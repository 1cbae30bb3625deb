# SPDX-License-Identifier: GPL-2.0
"""What a kselftest program says about itself, and what its end says about that.

kselftest.h and kselftest_harness.h print TAP: 'ok 1 name', 'not ok 2 name',
'ok 3 # SKIP name', 'ok 4 name # XFAIL reason', a plan '1..N', and 'Bail out!'.
The exit status repeats it: 0 passed, 1 failed, 4 skipped.  A program may die
between two results, so neither is believed alone: whatever does not fit is a
failure of the program as a whole, a result named after it.
"""

import re
from dataclasses import dataclass, field
from typing import List, Optional, Sequence

from . import guest
from .guest import Ending

PASSED, FAILED, SKIPPED, XFAILED = 'passed', 'failed', 'skipped', 'xfailed'
HUNG, CRASHED, FLOODED = guest.HUNG, 'crashed', guest.FLOODED
BAD = (FAILED, HUNG, CRASHED, FLOODED)
WHOLE = 'the program'

SKIP_STATUS = 4
_RESULT = re.compile(r'(not )?ok (\d+)(?: - | |$)(.*)$')
_DIRECTIVE = re.compile(r'(?:^|\s+)# *(SKIP|XFAIL|XPASS|TODO|error)\b[: ]*(.*)$', re.IGNORECASE)
_PLAN = re.compile(r'1\.\.(\d+)(?:\s*# SKIP\s*(.*))?$')
_BAIL = re.compile(r'Bail out!\s*(.*)$')
_COLOUR = re.compile(r'\x1b\[[0-9;]*m')


@dataclass
class Result:
    """One test of a program; reason: why it was skipped or failed, as far as it says."""
    name: str
    status: str
    reason: str = ''


@dataclass
class Output:
    """A program's output taken apart: planned is -1 without a plan."""
    results: List[Result] = field(default_factory=list)
    planned: int = -1
    skip: str = ''
    bail: str = ''
    last: str = ''


def parse(lines: Sequence[str]) -> Output:
    """Take a program's output apart."""
    output = Output()
    comment = ''
    for raw in lines:
        line = _COLOUR.sub('', raw).rstrip()
        result, plan, bail = _RESULT.match(line), _PLAN.match(line), _BAIL.match(line)
        if result:
            output.results.append(_result(result, comment))
            comment = ''
        elif plan and (output.planned < 0 or plan.group(2) is not None):
            output.planned = int(plan.group(1))
            output.skip = plan.group(2) or ''
        elif bail:
            output.bail = bail.group(1)
        elif line.startswith('#') and not line.startswith('# Totals'):
            comment = line.strip('# ')
        if line and not line.startswith(('# Totals', '# Planned')):
            output.last = line
    return output


def _result(found: 're.Match[str]', comment: str) -> Result:
    """One result line; comment is what the program said just before it."""
    text = found.group(3).strip()
    directive = _DIRECTIVE.search(text)
    kind = directive.group(1).upper() if directive else ''
    reason = directive.group(2).strip() if directive else ''
    name = text[:directive.start()].strip() if directive else text
    if not name:                    # kselftest.h puts the name behind the directive
        name, reason = reason, ''
    if kind == 'SKIP' and not reason and name.endswith(')'):
        name, _, reason = name[:-1].partition(' (')     # uffd-unit-tests: 'name (reason)'
    if found.group(1):
        return Result(name, FAILED, reason or comment)
    status = {'SKIP': SKIPPED, 'XFAIL': XFAILED, 'TODO': XFAILED}.get(kind, PASSED)
    return Result(name, status, reason)


def judge(lines: Sequence[str], ending: Ending) -> List[Result]:
    """The results of a program; the last may be about the program as a whole."""
    output = parse(lines)
    whole = _whole(output, ending)
    return output.results + ([whole] if whole else [])


def _whole(output: Output, ending: Ending) -> Optional[Result]:
    """What the end adds to the results; None when it only repeats them."""
    ran = len(output.results)
    after = f' after {ran} of {output.planned} tests' if 0 <= ran < output.planned else ''
    last = f': {output.bail or output.last}' if output.bail or output.last else ''
    if ending.how in (guest.HUNG, guest.FLOODED):
        return Result(WHOLE, ending.how, ending.reason + after)
    if ending.how in (guest.DIED, guest.FAILED):
        return Result(WHOLE, CRASHED, ending.reason + after)
    if ending.how == guest.KILLED:
        return Result(WHOLE, FAILED, f'killed by {guest.signal_name(ending.number)}{after}')
    if ending.number == SKIP_STATUS:
        if any(result.status == SKIPPED for result in output.results):
            return None
        return Result(WHOLE, SKIPPED, output.skip or output.last.strip('# ') or 'no reason given')
    failed = any(result.status in BAD for result in output.results)
    if ending.number:
        complete = failed and not after
        return None if complete else Result(
            WHOLE, FAILED, f'ended with status {ending.number}{after}{last}')
    if after:
        return Result(WHOLE, FAILED, f'ended with status 0{after}{last}')
    return None if output.results else Result(WHOLE, PASSED)
