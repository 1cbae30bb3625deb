#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A review as text: what does not fit is cut where that does no harm, and what a crash hides."""

import sys
import unittest
from pathlib import Path
from typing import Any, Dict, List

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools'), str(ROOT / 'tests')]

from sandbox import measure, reviewtext, verdict  # noqa: E402
from sandbox.testrun import Results  # noqa: E402
from sandbox.verdict import Case  # noqa: E402

LONG = ('#if defined(CONFIG_TRANSPARENT_HUGEPAGE) && (defined(CONFIG_ARCH_HAS_PTE_SPECIAL) || '
        'defined(CONFIG_DEBUG_VM)) && !defined(CONFIG_HIGHMEM)')
UNLESS = 'in vma_growth.no_room_below_the_lowest_stack, which crashed'


def patch(number: int, lines: Dict[str, Any], **more: Any) -> Dict[str, Any]:
    """A patch of a report."""
    return {'number': number, 'subject': f'mm: patch {number}', 'builds': True, 'error': '',
            'warnings': [], 'checkpatch': [], 'tests': None, 'size': None, 'added': 3,
            'functions': {'changed': [], 'indirect': []}, 'files': {'mm/huge_memory.c': {
                at: {**one, 'at': int(at)} for at, one in lines.items()}},
            'totals': {'lines': {'covered': 1, 'total': 2}, 'classes': {},
                       'branches': {'covered': 1, 'total': 2}}, **more}


def report(*patches: Dict[str, Any], **more: Any) -> Dict[str, Any]:
    """A report of patches."""
    return {'title': 'mm: patches', 'base': '0' * 40, 'patches': list(patches), 'notes': [],
            'kernel': {'version': '7.3.4', 'patches': 65}, 'config': ['coverage'], 'stale': [],
            'compiler': 'gcc 12.2', 'measured': True, 'mode': 'tip', 'failures': [], 'lost': [],
            'base_failing': [], 'totals': patches[0]['totals'],
            'tests': {'passed': 9, 'failed': 0, 'crashed': 0, 'not_run': 0, 'skipped': 3,
                      'failures': []},
            **more}


def line(kind: str, reason: str) -> Dict[str, str]:
    """A line of a report."""
    return {'class': kind, 'reason': reason}


class Text(unittest.TestCase):
    """The screen and the mail."""

    def both(self, said: Dict[str, Any]) -> 'tuple[str, str]':
        """Screen and mail, in their form."""
        texts = {(patch, 'mm/huge_memory.c', at): f'if (word_{at} && another_word)'
                 for patch in range(1, 6) for at in range(5000)}
        screen, mail = reviewtext.screen(said, texts, 'here'), reviewtext.mail(said, texts)
        self.assertLessEqual(max(map(len, screen.splitlines())), 80, screen)
        self.assertLessEqual(max(map(len, mail.splitlines())), 72, mail)
        self.assertLess(len(mail.splitlines()), 40, mail)
        return screen, mail

    def test_long_reasons_take_a_second_line(self) -> None:
        """Of a condition its beginning is there, of all others the whole, and the line's text."""
        seen = 'the kernel was here when vma_growth.no_room_below_the_lowest_stack crashed'
        screen, mail = self.both(report(
            patch(1, {'4863': line('not-compiled', LONG), '4870': line('uncovered', seen)}),
            patch(2, {'4880': line('partial', '1 of 4 outcomes never happened'),
                      '4890': line('partial', f'never true, unless {UNLESS}')})))
        for text in screen, mail:
            words = ' '.join(text.split())
            self.assertIn('#if defined(CONFIG_TRANSPARENT_HUGEPAGE) && (defined(CONFIG', words)
            self.assertIn('word_4870', words)
            self.assertIn('never true, as far as known', words)
        self.assertIn(seen, ' '.join(screen.split()))
        self.assertIn('\n      the kernel was here when vma_growth.no_room_below', mail)
        self.assertIn('\n  2/2 mm/huge_memory.c:4880  1 of 4 outcomes never: if (word_4880 ', mail)

    def test_a_crash_is_no_proof(self) -> None:
        """Nobody reads 'no test gets here' of what a crashed case may have executed."""
        screen, mail = self.both(report(
            patch(1, {'7': line('uncovered', f'no test gets here, unless {UNLESS}')})))
        self.assertIn('9 KUnit\ncases pass (3 skipped).\n', mail)
        self.assertRegex(screen, r'word_7 .*  no test gets here, as far as known\n')
        self.assertIn('\nNot executed, as far as known:\n  mm/huge_memory.c:7  if (word_7', mail)

    def test_mail_has_all_sections_whatever_is_wrong(self) -> None:
        """What is left out is counted, and nothing falls off the end."""
        gaps = {str(10 * at): line(('uncovered', 'partial', 'not-compiled')[at % 3], LONG)
                for at in range(1, 61)}
        warnings = [{'file': 'mm/huge_memory.c', 'line': at, 'text': LONG} for at in range(5)]
        failing = [{'case': f'a.{at}', 'config': 'coverage', 'message': 'm'} for at in range(9)]
        tests = {'passed': 9, 'failed': 9, 'crashed': 0, 'not_run': 0, 'skipped': 0,
                 'failures': failing}
        _, mail = self.both(report(*(patch(at, gaps if at < 3 else {}, warnings=warnings)
                                     for at in range(1, 6)), tests=tests, lost=[LONG * 2] * 7))
        for title in ('Not executed:', 'In part:', 'Not compiled here:'):
            self.assertRegex(mail, rf'\n{title}\n  1/5 mm/[^A-Z]*(?:.*\n)+?  and \d+ more(\n|$)')
        self.assertIn('\n... and more, which the whole report shows\n', mail)
        self.assertIn('\n... nor what others did in 6 more runs\n', mail)

    def test_all_is_shown_where_it_fits(self) -> None:
        """No 'and 1 more' in the place of the one."""
        for count in range(1, 12):
            _, mail = self.both(report(patch(1, {
                str(10 * at): line('uncovered', 'no test gets here') for at in range(count)})))
            self.assertNotIn('and 1 more', mail)
            self.assertEqual(len(mail.partition('Not executed:\n')[2].splitlines()),
                             min(count, 9), mail)


class Crashed(unittest.TestCase):
    """What is known of cases that did not come to their end."""

    LOG: List[str] = [
        'WARNING: mm/page.c:3 at x', ' apply (mm/page.c:3)', '---[ end trace 0 ]---',
        'Kernel panic - not syncing: Kernel mode fault at addr 0x8, ip apply (mm/mlock.c:725)',
        'Call Trace:', ' ? old_one (mm/vma.c:5)', ' do_mlock (mm/mlock.c:640)',
        ' asm (arch/um/kernel/entry.S:7)']

    def test_where_the_kernel_was(self) -> None:
        """The last report's lines, without what may be left over on the stack."""
        cases = [Case('a', 'b', verdict.CRASHED, log=self.LOG, message=self.LOG[3]),
                 Case('a', 'c', verdict.FAILED, log=['WARNING: mm/vma.c:9 at x'])]
        there = {(path, at): 'a.b' for path, at in (('mm/mlock.c', 725), ('mm/mlock.c', 640),
                                                    ('arch/um/kernel/entry.S', 7))}
        self.assertEqual(measure.crashed(Results(cases)), there)
        cases[0].log = [f'[    0.250000] {line}' for line in self.LOG]
        self.assertEqual(measure.crashed(Results(cases)), there)

    def test_whose_executions_are_lost(self) -> None:
        """One by its name and how it ended, several together; whoever failed wrote all."""
        cases = [Case('a', 'a', verdict.FAILED), Case('a', 'b', verdict.HUNG),
                 Case('a', 'c', verdict.CRASHED), Case('a', 'd', verdict.NOT_RUN)]
        self.assertEqual([measure.unless(Results(cases[:count])) for count in range(1, 5)], [
            '', 'in a.b, which hung', 'in a.b or a.c, which broke off',
            'in a.b or 2 others, which broke off'])


if __name__ == '__main__':
    unittest.main()
