#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Reasons for what is not covered: their file, what they excuse, which are stale."""

import sys
import tempfile
import unittest
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from coverage import Coverage, CoverageError, File, Function, Line, reasons, table  # noqa: E402

SOURCE = '''\
static int inlined(int a)
{
\treturn a;
}

int split(int a, int b);

int split(int a,
\t  int b)
{
\tif (a && b)
\t\treturn 1;
\tif (a)
\t\treturn 1;
\twhile (inlined(b))
\t\tb--;
\treturn 0;
}

SYSCALL_DEFINE2(split, int, a,
\t\tint, b)
{
\treturn split(a, b);
}
'''


class Reasons(unittest.TestCase):
    """Entries against a small coverage."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source = Path(folder.name)
        (self.source / 'vma.c').write_text(SOURCE)
        entry = File('vma.c', {
            3: Line(0), 8: Line(2), 11: Line(2, [1, 1, 0, 1]), 12: Line(0), 13: Line(2, [2, 0]),
            14: Line(0), 15: Line(2, [2, 2]), 16: Line(2), 17: Line(2)})
        entry.functions[8, 'split'] = Function('split', 8, 18, 2)
        self.coverage = Coverage({'vma.c': entry})

    def excuse(self, text: str) -> reasons.Excused:
        return reasons.excuse(reasons.parse(text, 'uncovered'), self.coverage, self.source)

    def stale(self, text: str) -> List[str]:
        excused = self.excuse(text)
        self.assertEqual(excused.why, {})
        return excused.stale

    def test_every_line_with_the_text(self) -> None:
        excused = self.excuse('# x\nvma.c: split\n\treturn 1; -- cannot -- at all\n')
        self.assertEqual(excused.why, {('vma.c', 12): 'cannot -- at all',
                                       ('vma.c', 14): 'cannot -- at all'})
        self.assertEqual((excused.lines.covered, excused.lines.total), (8, 9))
        self.assertEqual((excused.outcomes.covered, excused.outcomes.total), (6, 8))
        self.assertEqual(excused.stale, [])

    def test_outcomes_of_an_executed_line(self) -> None:
        excused = self.excuse('vma.c: split\n  if (a && b) -- never both\n')
        self.assertEqual(list(excused.why), [('vma.c', 11)])
        self.assertEqual((excused.lines.covered, excused.outcomes.covered), (6, 7))

    def test_whole_function(self) -> None:
        excused = self.excuse('vma.c: split\n  * -- why\n')
        self.assertEqual([number for _, number in excused.why], [11, 12, 13, 14])

    def test_function_without_an_entry(self) -> None:
        """One that was inlined is found in the text, and no call or prototype is taken for it."""
        self.assertEqual(list(self.excuse('vma.c: inlined\n * -- why\n').why), [('vma.c', 3)])
        self.assertEqual(reasons.function_range(File('vma.c'), 'split', SOURCE.split('\n')),
                         (8, 18))

    def test_body_of_a_macro(self) -> None:
        """gcov ends __se_sys_split() with the macro; the body is the inlined __do_sys_split()'s."""
        entry = self.coverage.files['vma.c']
        entry.functions[20, '__se_sys_split'] = Function('__se_sys_split', 20, 21, 0)
        entry.lines.update({20: Line(0), 23: Line(0)})
        self.assertIn('vma.c:23 __se_sys_split: return split(a, b);  (never executed)',
                      reasons.gaps(self.coverage, reasons.Excused(), self.source))
        self.assertEqual(list(self.excuse('vma.c: __se_sys_split\n * -- why\n').why),
                         [('vma.c', 20), ('vma.c', 23)])

    def test_stale(self) -> None:
        """Each way in which an entry excuses nothing is said with its place."""
        self.assertEqual(self.stale('vma.c: split\n  b--; -- why\n'),
                         ["uncovered:2: 'b--;' of split is covered"])
        self.assertEqual(self.stale('vma.c: split\n  c--; -- why\n'),
                         ["uncovered:2: split has no line with code 'c--;'"])
        self.assertEqual(self.stale('vma.c: gone\n  * -- why\n'),
                         ['uncovered:2: vma.c has no function gone'])

    def test_files_that_were_not_measured(self) -> None:
        self.assertEqual(self.stale('mm/other.c: split\n  * -- why\n'), [])

    def test_malformed(self) -> None:
        for text, cause in (('vma.c split\n', "uncovered:1: a heading is 'PATH: FUNCTION'"),
                            ('  a; -- why\n', 'uncovered:1: an entry is'),
                            ('vma.c: split\n  a;\n', 'uncovered:2: an entry is'),
                            ('vma.c: split\n  a; --  \n', 'uncovered:2: an entry is')):
            with self.assertRaisesRegex(CoverageError, cause):
                self.excuse(text)

    def test_shown_apart(self) -> None:
        """The row and the gaps that are left."""
        excused = self.excuse('vma.c: split\n  return 1; -- no\n  b--; -- no\n')
        rows = table.with_reasons(excused)
        self.assertRegex(rows[0], r'^with reasons +8/9 +88\.9 % +6/8 +75\.0 %$')
        self.assertEqual(rows[1:], ["stale reason: uncovered:3: 'b--;' of split is covered"])
        self.assertEqual(reasons.gaps(self.coverage, excused, self.source), [
            'vma.c:3 -: return a;  (never executed)',
            'vma.c:11 split: if (a && b)  (1 of 4 outcomes never happened)',
            'vma.c:13 split: if (a)  (1 of 2 outcomes never happened)'])

    def test_stale_reason_fits_the_screen(self) -> None:
        text = 'is_there(one) && ' * 8
        rows = table.with_reasons(self.excuse(f'vma.c: split\n  {text}a; -- no\n'))
        self.assertEqual(' '.join(rows).count('is_there(one)'), 8)
        self.assertLessEqual(max(map(len, rows)), 80)
        self.assertEqual(table.with_reasons(reasons.Excused()), [])


if __name__ == '__main__':
    unittest.main()
