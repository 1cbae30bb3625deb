# SPDX-License-Identifier: GPL-2.0
"""A review as text: for the terminal, for a reply by mail, for b4; all from report.json's facts."""

import re
import textwrap
from typing import Dict, List, Sequence, Tuple

from coverage import change

from .reviewfacts import Facts, Gap, Texts, gaps, ratio

WIDTH = 80
MAIL_WIDTH = 72
MAIL_LINES = 39
_SHOWN_GAPS = 12
_SHOWN_CASES = 4
_SHOWN_WRONG = 12
_SHOWN_LOST = 1
_SHOWN_LINES = 10
_LEAST_TEXT = 12
_SHORT_CAUSE = len('10 of 12 outcomes never')
_KNOWN = 'as far as known'


def heading(said: Facts) -> str:
    """What was measured on what."""
    return (f'linux {said["kernel"]["version"]} + {said["kernel"]["patches"]} patches, '
            f'{", ".join(said["config"])}, {said["compiler"]}')


def screen(said: Facts, texts: Texts, where: str) -> str:
    """The summary on one screen."""
    count = len(said['patches'])
    lines = [_cut(said['title'], WIDTH),
             _cut(f'{count} patch{"es" if count > 1 else ""} on {said["base"][:12]}, '
                  f'{heading(said)}', WIDTH),
             f'{"":<3}{"patch":<31}{"build":<7}{"warn":>5}{"tests":>9}{"lines":>14}'
             f'{"branches":>11}']
    lines += [_row(patch, said) for patch in said['patches']]
    lines += _wrong(said)
    lines += _gap_lines(gaps(said, texts))
    for note in said['notes'] + said['lost']:
        lines += _wrapped(f'note: {note}', WIDTH)
    for row in said['stale']:
        lines += _wrapped(f'stale reason: {row}', WIDTH)
    return '\n'.join([*lines, where])


def _row(patch: Facts, said: Facts) -> str:
    """One patch in the table."""
    lines, branches = ratio(patch['totals'], 'lines'), ratio(patch['totals'], 'branches')
    if not lines.total:
        figures = f'{_without_code(patch) if said["measured"] else "not measured":>14}'
    else:
        share = f' {100 * lines.covered // lines.total:>3} %' if lines.covered < lines.total else ''
        figures = f'{f"{lines.covered}/{lines.total}{share}":>14}'
        figures += f'{f"{branches.covered}/{branches.total}" if branches.total else "-":>11}'
    built = {True: 'ok', False: 'FAILS', None: '-'}[patch['builds']]
    looked = said['mode'] != 'tip' and patch['builds'] is not None
    warned = str(len(patch['warnings'])) if looked else '-'
    last = patch is said['patches'][-1] and said['measured']
    tests = patch['tests'] or (said['tests'] if last else None)
    return (f'{patch["number"]:<3}{_cut(patch["subject"], 30):<31}{built:<7}{warned:>5}'
            f'{_tests(tests):>9}{figures}').rstrip()


def _without_code(patch: Facts) -> str:
    """Why there is nothing to count in a patch."""
    classes = patch['totals']['classes']
    if not classes:
        return 'written over' if patch['added'] else 'adds nothing'
    if classes.get(change.NOT_COMPILED):
        return 'not compiled'
    return 'none left' if classes.get(change.OPTIMISED_OUT) else 'no code'


def _tests(tests: 'Facts | None') -> str:
    if tests is None:
        return '-'
    ran = tests['passed'] + tests['failed'] + tests['crashed'] + tests['not_run']
    return f'{tests["passed"]}/{ran}'


def _wrong(said: Facts) -> List[str]:
    """What does not build, fails, or is new: the cause first."""
    lines: List[str] = []
    for patch in said['patches']:
        if patch['error']:
            lines += _wrapped(f'{patch["number"]} does not build: {patch["error"]}', WIDTH)
    for group in _broken_together(said):
        since, mended = group[0]['since'], group[0]['mended']
        until = f', mended by {mended}' if mended else ''
        for one in group[:_SHOWN_CASES]:
            lines += _wrapped(f'{since} FAILS {one["case"]}{until}', WIDTH)
            lines += _wrapped(f'    {one["message"]}', WIDTH) if one['message'] else []
        if len(group) > _SHOWN_CASES:
            lines.append(f'{since} FAILS {len(group) - _SHOWN_CASES} more cases{until}')
    failing = _only_at_tip(said)
    for one in failing[:_SHOWN_CASES]:
        lines += _wrapped(f'FAILS {one["case"]} in {one["config"]}: {one["message"]}', WIDTH)
    if len(failing) > _SHOWN_CASES:
        lines.append(f'FAILS {len(failing) - _SHOWN_CASES} more cases')
    lines += _wrapped(_not_compared(said), WIDTH) if failing else []
    for sentence in _before(said):
        lines += _wrapped(sentence, WIDTH)
    for patch in said['patches']:
        for warning in patch['warnings']:
            lines += _wrapped(f'{patch["number"]} new warning {warning["file"]}:'
                              f'{warning["line"]} {warning["text"]}', WIDTH)
        lines += [_cut(f'{patch["number"]} checkpatch {found}', WIDTH)
                  for found in patch['checkpatch'][:3]]
        if len(patch['checkpatch']) > 3:
            lines.append(f'{patch["number"]} checkpatch: {len(patch["checkpatch"]) - 3} more')
    for patch in said['patches']:
        lines += _code(patch)
    return lines


def _only_at_tip(said: Facts) -> List[Facts]:
    """The cases that fail where coverage is measured, and were not said to fail before."""
    known = {one['case'] for one in said['failures']} | set(said['base_failing'])
    return [one for one in said['tests']['failures'] if one['case'] not in known]


def _not_compared(said: Facts) -> str:
    """What to say of cases that fail where no kernel without the patches was run; '' else."""
    return '' if said['mode'] != 'tip' else (
        'Whether they fail without the patches, too, was not looked at.')


def _before(said: Facts) -> List[str]:
    """Which cases fail at the base: those that still do, and those that the patches mend."""
    still = {one['case'] for one in said['tests']['failures']}
    told = (('fail before the patches, too', [one for one in said['base_failing'] if one in still]),
            ('fail before the patches, and pass with them',
             [one for one in said['base_failing'] if one not in still and said['measured']]))
    return [f'{how}: {", ".join(cases[:_SHOWN_CASES])}'
            + (f' and {len(cases) - _SHOWN_CASES} more' if len(cases) > _SHOWN_CASES else '')
            for how, cases in told if cases]


def _broken_together(said: Facts) -> List[List[Facts]]:
    """The failing cases, those together that one patch breaks and another mends."""
    groups: Dict[Tuple[int, int], List[Facts]] = {}
    for one in said['failures']:
        groups.setdefault((one['since'], one['mended'] or 0), []).append(one)
    return list(groups.values())


def _code(patch: Facts) -> List[str]:
    """Size, and functions whose code changed though their text did not."""
    lines = []
    size = patch['size']
    if size and size['before'] != size['after']:
        grown = sorted(((one['after'] - one['before'], one['name']) for one in size['symbols']),
                       key=lambda one: -abs(int(one[0])))
        most = ', '.join(f'{name} {by:+}' for by, name in grown[:3])
        lines.append(_cut(f'{patch["number"]} size {size["after"] - size["before"]:+} bytes: '
                          f'{most}', WIDTH))
    indirect = patch['functions']['indirect']
    if indirect:
        shown = ', '.join(indirect[:4]) + (f' and {len(indirect) - 4} more'
                                           if len(indirect) > 4 else '')
        lines += _wrapped(f'{patch["number"]} changes the code of {shown}, not the text', WIDTH)
    return lines


def merged_gaps(found: Sequence[Gap]) -> List[Tuple[Gap, int]]:
    """Gaps of a kind and a reason in lines that follow each other, as one: with the last line."""
    joined: List[Tuple[Gap, int]] = []
    for gap in found:
        if joined:
            first, last = joined[-1]
            if (gap.patch, gap.path) == (first.patch, first.path) and gap.line - last <= 3 and (
                    gap.facts['class'], gap.facts.get('reason')) == (
                    first.facts['class'], first.facts.get('reason')) and (
                    gap.facts['class'] != change.PARTIAL):
                joined[-1] = first, gap.line
                continue
        joined.append((gap, gap.line))
    return joined


def _place(gap: Gap, last: int) -> str:
    return f'{gap.path}:{gap.line}' + (f'-{last}' if last > gap.line else '')


def why(gap: Gap) -> str:
    """What is missing, in words."""
    reason = str(gap.facts.get('reason', ''))
    if gap.facts['class'] == change.NOT_COMPILED:
        return f'not compiled: {reason}'
    reason = re.sub(', unless .*', f', {_KNOWN}', reason)   # a note says in which cases
    return reason.replace(' never happened', ' never')


def _gap_lines(found: Sequence[Gap]) -> List[str]:
    if not found:
        return []
    rows = []
    joined = merged_gaps(found)
    for gap, last in joined[:_SHOWN_GAPS]:
        rows += _gap_rows(gap, last)
    more = len(joined) - _SHOWN_GAPS
    return ['not covered', *rows, *([f'  and {more} more places'] if more > 0 else [])]


def _gap_rows(gap: Gap, last: int) -> List[str]:
    """A place, its text and the cause to the right; below it what leaves no room for them."""
    left = f'  {gap.patch} {_place(gap, last)}'
    text = '' if gap.facts['class'] == change.NOT_COMPILED or last > gap.line else gap.text
    cause = why(gap)
    if not text and len(left) + len(cause) + 4 > WIDTH:
        cause = str(gap.facts.get('reason', ''))
    room = WIDTH - len(left) - len(cause) - 4
    if room >= min(len(text), _LEAST_TEXT):
        return [f'{left}  {_cut(text, room):<{room}}  {cause}']
    return [_cut(f'{left}  {text}'.rstrip(), WIDTH), *_short(f'      {cause}', WIDTH)]


def mail(said: Facts, texts: Texts) -> str:
    """The text for a reply: below 40 lines of 72 columns, nothing but ASCII signs of ours."""
    count = len(said['patches'])
    tests = said['tests']
    each = ', at each of the patches' if count > 1 and all(
        patch['tests'] and not patch['tests']['failed'] + patch['tests']['crashed']
        for patch in said['patches']) else ''
    bad = tests['failed'] + tests['crashed']
    ran = 'KUnit cases' + (f' in {len(said["config"])} configurations'
                           if len(said['config']) > 1 else '')
    skipped = f' ({tests["skipped"]} skipped)' if tests['skipped'] else ''
    came_to = (f'{tests["passed"]} {ran} pass{skipped}{each}' + (f', {bad} fail' if bad else '')
               if said['measured'] else 'the last patch could not be tested')
    lines = [*_wrapped(f'Tested on UML, {heading(said)}: {came_to}.', MAIL_WIDTH, ''), '']
    lines += _mail_wrong(said)
    total = said['totals']
    executed, outcomes = ratio(total, 'lines'), ratio(total, 'branches')
    if not said['measured']:
        lines.append('Coverage was not measured.')
    elif executed.total:
        lines.append(f'Changed lines executed: {executed.covered} of {executed.total} '
                     f'({executed.percent}), branch outcomes {outcomes.covered} of '
                     f'{outcomes.total}.')
    else:
        lines.append('No changed line has code in this configuration.')
    excluded = total['classes'].get(change.EXCLUDED, 0)
    if excluded:
        lines.append(f'{excluded} more have a recorded reason.')
    joined = merged_gaps(gaps(said, texts))
    known = f', {_KNOWN}' if any(', unless ' in gap.facts.get('reason', '') for gap, _ in joined
                                 ) else ''
    sections = []
    for title, kind in ((f'Not executed{known}:', change.UNCOVERED), ('In part:', change.PARTIAL),
                        ('Not compiled here:', change.NOT_COMPILED)):
        sections.append((title, [_mail_gap(gap, last, count) for gap, last in joined
                                 if gap.facts['class'] == kind]))
    lines += _fitted([one for one in sections if one[1]], MAIL_LINES - len(lines))
    return '\n'.join(line.rstrip() for line in lines)


def _fitted(sections: Sequence[Tuple[str, List[List[str]]]], room: int) -> List[str]:
    """Sections, each with a fair share of a number of lines; how much is left out is said."""
    lines: List[str] = []
    for count, (title, rows) in zip(range(len(sections), 0, -1), sections):
        mine = min((room - len(lines)) // count, _SHOWN_LINES) - 1      # below the title
        if sum(map(len, rows)) > mine:
            some = [at for at in range(len(rows)) if sum(map(len, rows[:at + 1])) < mine]
            rows = [*rows[:len(some)], [f'  and {len(rows) - len(some)} more']]
        lines += [title, *(line for row in rows for line in row)]
    return lines


def _mail_gap(gap: Gap, last: int, count: int) -> List[str]:
    """A place in one line; a reason that leaves no room for the text goes below."""
    place = f'  {f"{gap.patch}/{count} " if count > 1 else ""}{_place(gap, last)}  '
    if gap.facts['class'] == change.NOT_COMPILED:
        return _short(place + str(gap.facts.get('reason', '')), MAIL_WIDTH)
    cause = why(gap)
    if cause.startswith(change.NOBODY):
        return [_cut(place + gap.text, MAIL_WIDTH)]
    if len(cause) <= _SHORT_CAUSE or (
            len(place) + len(cause) + 2 + min(len(gap.text), _LEAST_TEXT) <= MAIL_WIDTH):
        return [_cut(f'{place}{cause}: {gap.text}', MAIL_WIDTH)]
    return [_cut(place + gap.text, MAIL_WIDTH), *_short(f'      {cause}', MAIL_WIDTH)]


def _mail_wrong(said: Facts) -> List[str]:
    count = len(said['patches'])
    lines: List[str] = []
    for patch in said['patches']:
        place = f'{patch["number"]}/{count}'
        if patch['error']:
            lines += _wrapped(f'{place} does not build: {patch["error"]}', MAIL_WIDTH)
        for warning in patch['warnings'][:3]:
            lines += _wrapped(f'New warning in {place} (W=1): {warning["file"]}:'
                              f'{warning["line"]} {warning["text"]}', MAIL_WIDTH)
    for group in _broken_together(said)[:3]:
        since, mended = group[0]['since'], group[0]['mended']
        until = f' (mended by {mended}/{count})' if mended else ''
        shown = [one['case'] for one in group[:_SHOWN_CASES]]
        if len(group) > _SHOWN_CASES:
            shown.append(f'{len(group) - _SHOWN_CASES} more cases')
        lines += _wrapped(f'{since}/{count} breaks {", ".join(shown)}{until}', MAIL_WIDTH)
    for sentence in _before(said):
        lines += _wrapped(sentence[:1].upper() + sentence[1:], MAIL_WIDTH)
    failing = _only_at_tip(said)
    if failing:
        lines += _wrapped(f'{failing[0]["case"]} fails: {failing[0]["message"]}', MAIL_WIDTH)
        more = [one['case'] for one in failing[1:_SHOWN_CASES]]
        more += [f'{len(failing) - _SHOWN_CASES} more'] if len(failing) > _SHOWN_CASES else []
        lines += _wrapped(f'So do {", ".join(more)}.', MAIL_WIDTH) if more else []
        lines += _wrapped(_not_compared(said), MAIL_WIDTH)
    if len(lines) > _SHOWN_WRONG:
        lines[_SHOWN_WRONG - 1:] = ['... and more, which the whole report shows']
    for note in said['lost'][:_SHOWN_LOST]:
        lines += _short(note[:1].upper() + note[1:], MAIL_WIDTH, 4)
    if len(said['lost']) > _SHOWN_LOST:
        lines.append(f'... nor what others did in {len(said["lost"]) - _SHOWN_LOST} more runs')
    return [*lines, ''] if lines else []


def _wrapped(text: str, width: int, indent: str = '    ') -> List[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _short(text: str, width: int, lines: int = 2) -> List[str]:
    """A text in a few lines, the last one cut at a word; the first keeps its own indentation."""
    return textwrap.wrap(text.strip(), width, max_lines=lines, placeholder=' ...',
                         initial_indent=text[:len(text) - len(text.lstrip())],
                         subsequent_indent='      ', break_on_hyphens=False)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f'{text[:max(width - 3, 0)]}...'
