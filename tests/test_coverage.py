#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""coverage/ on small programs compiled here: its numbers are gcov's and lcov's own."""

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Dict, List, Tuple
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from coverage import Coverage, CoverageError, File, Function, Line, Ratio  # noqa: E402
from coverage import gcov, lcov, table  # noqa: E402

HEADER = '''\
static inline int larger(int a, int b)
{
    if (a > b && b)
        return a;
    return b;
}
'''
FIRST = '''\
#include "larger.h"
int second(int n, int how);
int never_called(int x);
int never_called(int x)
{
    return x ? 1 : 2;
}
static int choose(int how)
{
    switch (how) {
    case 0: return 4;
    case 1: return 7;
    case 5: return 9;
    default: return 0;
    }
}
int main(int argc, char **argv)
{
    int i, sum = 0;
    for (i = 0; i < 10; i++)
        sum += larger(i, argc + 2) + choose(i & 1);
    if (argc > 4)
        sum += second(sum, 1);
    if (argc > 1 && argv[1][0] == 'a')
        __builtin_abort();
    return sum == second(3, argc);
}
'''
SECOND = '''\
#include "larger.h"
extern volatile int sink;
volatile int sink;
#define PAIR(name) int name(int); int name##_too(int); \\
    __attribute__((noinline)) int name(int n) { if (n) sink = 1; return 2; } \\
    __attribute__((noinline)) int name##_too(int n) { if (n) sink = 3; return 4; }
PAIR(pair)
int second(int n, int how);
int second(int n, int how)
{
    return how ? larger(n, 1) + pair(n) + pair_too(n - 3) : 0;
}
'''
FILES = {'larger.h': HEADER, 'first.c': FIRST, 'sub/second.c': SECOND}


def command(*words: str, cwd: Path, env: Dict[str, str]) -> str:
    """Run a tool of the compiler; what it prints."""
    return subprocess.run(words, cwd=cwd, env={**os.environ, 'LC_ALL': 'C', **env}, check=True,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


class Program:
    """The example, compiled with coverage in a folder of its own, paths with spaces."""

    def __init__(self, root: Path, flags: str = '-O2') -> None:
        self.root = root
        self.source = root / 'the source'
        self.build = root / 'a build'
        self.objects = ['first.o', 'sub/second.o']
        for name, text in FILES.items():
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.build / 'sub').mkdir(parents=True)
        for name in self.objects:
            command('gcc', *flags.split(), '--coverage', f'-I{self.source}', '-c', '-o', name,
                    str(self.source / name.replace('.o', '.c')), cwd=self.build, env={})
        command('gcc', '--coverage', '-o', 'program', *self.objects, cwd=self.build, env={})

    def run(self, name: str, *arguments: str) -> Path:
        """Run it; the folder that its data went to."""
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        subprocess.run([str(self.build / 'program'), *arguments], check=False,
                       stderr=subprocess.DEVNULL,
                       env={**os.environ, **gcov.run_environment(self.build, folder)})
        return folder

    def read(self, *runs: Path) -> Coverage:
        """What the package says."""
        return gcov.read(self.objects, self.build, self.source, runs)


class WithProgram(unittest.TestCase):
    """A fresh folder with the example in it."""

    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix='coverage test '))
        self.addCleanup(shutil.rmtree, self.root)
        self.program = Program(self.root)


class AgreesWithGcov(WithProgram):
    """Line by line, the same numbers as gcov's annotated source."""

    def by_text(self, run: Path, name: str) -> Tuple[Dict[str, Dict[int, int]],
                                                     Dict[str, Dict[int, List[int]]]]:
        """Lines and branches of each source in gcov's text output for one object."""
        folder = self.root / 'text'
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for suffix, where in (('gcno', self.program.build), ('gcda', run)):
            shutil.copy(where / name.replace('.o', f'.{suffix}'), folder / f'it.{suffix}')
        command('gcov', '-b', '-c', 'it.gcda', cwd=folder, env={})
        lines: Dict[str, Dict[int, int]] = {}
        branches: Dict[str, Dict[int, List[int]]] = {}
        for path in folder.glob('*.gcov'):
            source = path.name[:-5]
            lines[source], branches[source] = self.one_text(path.read_text())
        return lines, branches

    @staticmethod
    def one_text(text: str) -> Tuple[Dict[int, int], Dict[int, List[int]]]:
        """One annotated source; a group of functions in one line begins with their sum."""
        lines: Dict[int, int] = {}
        branches: Dict[int, List[int]] = {}
        number = 0
        for row in text.splitlines():
            found = re.match(r' *([0-9]+|#####|-)\*?: *([0-9]+):', row)
            if found:
                number = int(found[2])
                if found[1] != '-':
                    lines.setdefault(number, 0 if found[1] == '#####' else int(found[1]))
            elif row.startswith('branch '):
                taken = re.search(r'taken ([0-9]+)', row)
                branches.setdefault(number, []).append(int(taken[1]) if taken else 0)
        return lines, branches

    def compare(self, name: str) -> None:
        """One object's data, by the package and by gcov's text."""
        run = self.program.run('run')
        ours = gcov.read([name], self.program.build, self.program.source, [run])
        lines, branches = self.by_text(run, name)
        self.assertEqual({Path(path).name for path in ours.files}, set(lines))
        for path, entry in ours.files.items():
            self.assertEqual({number: line.count for number, line in entry.lines.items()},
                             lines[Path(path).name], path)
            self.assertEqual({number: line.branches for number, line in entry.lines.items()
                              if line.branches}, branches[Path(path).name], path)

    def test_at_every_optimisation(self) -> None:
        """Every count of every line and outcome, in two objects, for -O0 to -O2."""
        for flags in '-O0', '-O1', '-Og', '-O2', '-O2 -fno-inline':
            with self.subTest(flags):
                shutil.rmtree(self.root)
                self.root.mkdir()
                self.program = Program(self.root, flags)
                for name in self.program.objects:
                    self.compare(name)

    def test_two_runs_are_the_sum(self) -> None:
        """Counts of two folders add up to what one folder gets from both runs."""
        apart = self.program.read(self.program.run('one'), self.program.run('two', 'x', 'y'))
        self.program.run('both')
        together = self.program.read(self.program.run('both', 'x', 'y'))
        self.assertEqual(apart.files, together.files)
        self.assertNotEqual(apart.files, self.program.read(self.root / 'one').files)

    def test_functions(self) -> None:
        """Names, source ranges and calls."""
        functions = self.program.read(self.program.run('run')).files['first.c'].functions
        self.assertEqual(functions[4, 'never_called'], Function('never_called', 4, 7, 0))
        self.assertEqual([each.count for each in functions.values() if each.name == 'main'], [1])

    def test_functions_of_one_line_are_kept_apart(self) -> None:
        """One macro that makes two functions: counts add, outcomes do not hide each other."""
        entry = self.program.read(self.program.run('run')).files['sub/second.c']
        self.assertEqual(entry.lines[7].count, 2)
        self.assertEqual(sorted(entry.lines[7].branches), [0, 0, 1, 1])
        self.assertEqual({name for _, name in entry.functions}, {'pair', 'pair_too', 'second'})

    def test_header_is_merged_over_objects(self) -> None:
        """The header's lines are executed by both objects."""
        run = self.program.run('run')
        lines = [gcov.read([name], self.program.build, self.program.source, [run])
                 .files['larger.h'].lines[3].count for name in self.program.objects]
        both = self.program.read(run).files['larger.h'].lines[3].count
        self.assertEqual(both, sum(lines))
        self.assertTrue(all(lines))


class AgreesWithLcov(WithProgram):
    """The tracefile is what lcov itself makes of the data, and genhtml takes it."""

    def records(self, text: str, source: str) -> Dict[str, str]:
        """Counts of one file by record and place; lcov's own names for them."""
        chosen = next(part for part in text.split('end_of_record') if source in part)
        rows = (row.split(':', 1) for row in chosen.splitlines() if ':' in row)
        found = {}
        for kind, value in rows:
            if kind in ('DA', 'BRDA', 'FNDA'):
                place, count = value.rsplit(',', 1) if kind != 'FNDA' else value.split(',')[::-1]
                found[f'{kind}:{place}'] = count
            elif kind in ('LF', 'LH', 'BRF', 'BRH', 'FNF', 'FNH'):
                found[kind] = value
        return found

    def ours(self) -> str:
        run = self.program.run('run')
        return lcov.text(self.program.read(run), self.program.source, 'ours')

    @unittest.skipUnless(shutil.which('lcov'), 'lcov is not installed')
    def test_the_same_records(self) -> None:
        """lcov --capture of the same data, then merged by lcov, gives the same numbers."""
        text = self.ours()
        for name in self.program.objects:
            data = name.replace('.o', '.gcda')
            shutil.copy(self.root / 'run' / data, self.program.build / data)
        branches = ('--rc', 'lcov_branch_coverage=1')
        command('lcov', *branches, '-c', '-d', '.', '-o', '../all.info',
                cwd=self.program.build, env={})
        command('lcov', *branches, '-a', 'all.info', '-o', 'merged.info', cwd=self.root, env={})
        theirs = (self.root / 'merged.info').read_text()
        for source in 'first.c', 'larger.h':
            with self.subTest(source):
                self.assertEqual(self.records(text, source), self.records(theirs, source))

    @unittest.skipUnless(shutil.which('genhtml'), 'genhtml is not installed')
    def test_genhtml_counts_the_same(self) -> None:
        """genhtml takes the file without complaint and prints our totals."""
        text = self.ours()
        (self.root / 'coverage.info').write_text(text)
        said = command('genhtml', '--branch-coverage', '-o', 'html', 'coverage.info',
                       cwd=self.root, env={})
        totals = self.program.read(self.root / 'run').totals
        for word, ratio in (('lines', totals.lines), ('functions', totals.functions),
                            ('branches', totals.branches)):
            found = re.search(rf'{word}\.+: .*\(([0-9]+) of ([0-9]+) ', said)
            assert found
            self.assertEqual((int(found[1]), int(found[2])), (ratio.covered, ratio.total), word)


class BadData(WithProgram):
    """Whatever is wrong is one line that names the file and the cause."""

    def refused(self, pattern: str, *runs: Path) -> None:
        with self.assertRaisesRegex(CoverageError, pattern) as caught:
            self.program.read(*runs)
        self.assertNotIn('\n', str(caught.exception))

    def test_aborted_run_has_no_data(self) -> None:
        """A program that aborted left nothing: an error alone, told apart beside a whole one."""
        aborted, whole = self.program.run('aborted', 'a'), self.program.run('whole')
        self.refused('no coverage data in .*aborted: .* did not end by exit', aborted)
        coverage = self.program.read(aborted, whole)
        self.assertEqual(coverage.lost, [str(aborted)])
        self.assertEqual(coverage.files, self.program.read(whole).files)

    def test_object_outside_the_program(self) -> None:
        """An object that was compiled but is not in the program counts as never executed."""
        build = self.program.build
        (self.program.source / 'third.c').write_text('int third(void);\nint third(void)\n'
                                                     '{\n\treturn 3;\n}\n')
        command('gcc', '--coverage', '-c', str(self.program.source / 'third.c'),
                cwd=build, env={})
        self.program.objects.append('third.o')
        coverage = self.program.read(self.program.run('run'))
        self.assertEqual(coverage.not_linked, ['third.o'])
        self.assertEqual(coverage.files['third.c'].totals.lines, Ratio(0, 2))

    def test_data_of_another_build(self) -> None:
        run = self.program.run('run')
        data = run / 'first.gcda'
        raw = bytearray(data.read_bytes())
        raw[8] ^= 1
        data.write_bytes(raw)
        self.refused('first.gcda is of another build', run)
        raw[4:8] = b'*19A'
        data.write_bytes(raw)
        self.refused('first.gcda is of another gcc .*A91', run)

    def test_cut_off_anywhere(self) -> None:
        """No prefix of a data file passes for a whole one."""
        run = self.program.run('run')
        data = run / 'first.gcda'
        raw = data.read_bytes()
        notes = self.program.build / 'first.gcno'
        gcov.check(notes, data)
        for size in range(len(raw)):
            data.write_bytes(raw[:size])
            with self.assertRaisesRegex(CoverageError, 'first.gcda is cut off', msg=str(size)):
                gcov.check(notes, data)
        data.write_bytes(raw + b'\0\0\0\0')
        with self.assertRaisesRegex(CoverageError, 'cut off'):
            gcov.check(notes, data)

    def test_not_a_data_file(self) -> None:
        run = self.program.run('run')
        (run / 'first.gcda').write_bytes(b'neither fish nor fowl')
        self.refused('first.gcda is not a .gcda file', run)

    def test_not_instrumented(self) -> None:
        (self.program.build / 'first.gcno').unlink()
        self.refused('first.o was not compiled with coverage', self.program.run('run'))

    def test_no_gcov(self) -> None:
        run = self.program.run('run')
        with self.assertRaisesRegex(CoverageError, 'gcov-0 is not installed'):
            gcov.read(['first.o'], self.program.build, self.program.source, [run], 'gcov-0')

    def test_strange_gcov(self) -> None:
        """Answers that are not what we know: each one is an error, not a guess."""
        run = self.program.run('run')
        for answer, pattern in ((b'hello', 'not JSON'), (b'[]', 'no files'),
                                (b'{"files": [], "format_version": "7"}', 'format 7 is unknown')):
            done = subprocess.CompletedProcess([], 0, answer, b'')
            with mock.patch('subprocess.run', return_value=done):
                self.refused(pattern, run)
        for status in 5, 0:
            done = subprocess.CompletedProcess([], status, b'{"files": [], "format_version": "1"}',
                                               b'object.gcda:profile mismatch\n')
            with mock.patch('subprocess.run', return_value=done):
                self.refused('profile mismatch', run)


class Headers(unittest.TestCase):
    """The words at the start of gcc's files."""

    def test_versions_and_byte_order(self) -> None:
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        for version, major in (('408*', 4), ('A92*', 9), ('B22*', 12), ('B50*', 15)):
            for order in '<', '>':
                words = struct.pack(f'{order}4I', int.from_bytes(b'gcno', 'big'),
                                    int.from_bytes(version.encode(), 'big'), 77, 0)
                (folder / 'x.gcno').write_bytes(words)
                head = gcov.header(folder / 'x.gcno', gcov.NOTES)
                self.assertEqual((head.version, head.major, head.stamp), (version, major, 77))


class Model(unittest.TestCase):
    """Counting and adding."""

    def test_percent_is_never_rounded_to_all_or_nothing(self) -> None:
        for covered, total, text in ((0, 0, '-'), (0, 9, '0 %'), (9, 9, '100 %'),
                                     (1, 9999, '0.1 %'), (9998, 9999, '99.9 %'), (2, 3, '66.7 %')):
            self.assertEqual(Ratio(covered, total).percent, text)

    def test_outcomes_are_added_by_position(self) -> None:
        line = Line(1, [1, 0])
        line.add(Line(2, [0, 0, 5]))
        self.assertEqual(line, Line(3, [1, 0, 5]))
        self.assertEqual(line.outcomes, Ratio(2, 3))


class Table(unittest.TestCase):
    """The summary for the terminal."""

    def coverage(self) -> Coverage:
        entry = File('mm/vma.c', {10: Line(1, [1, 0]), 11: Line(0), 20: Line(0, [0, 0])},
                     {(9, 'used'): Function('used', 9, 12, 3),
                      (19, 'unused'): Function('unused', 19, 21, 0)})
        return Coverage({'mm/vma.c': entry})

    def test_files(self) -> None:
        head, row = table.files(self.coverage())
        self.assertEqual(head.split(), ['lines', 'branches', 'functions'])
        self.assertEqual(row.split(), 'mm/vma.c 1/3 33.3 % 1/4 25.0 % 1/2 50.0 %'.split())
        self.assertEqual([len(head), len(row)], [80, 80])

    def test_long_names_stay_within_the_screen(self) -> None:
        coverage = self.coverage()
        entry = coverage.files.pop('mm/vma.c')
        entry.path = 'drivers/a/very/long/folder/name/that/never/ends/file.c'
        coverage.files[entry.path] = entry
        for row in table.files(coverage) + table.functions(coverage):
            self.assertLessEqual(len(row), 80, row)

    def test_functions(self) -> None:
        text = '\n'.join(table.functions(self.coverage()))
        self.assertRegex(text, r'used +1/2 ')
        self.assertRegex(text, r'unused +0/1 .*never')

    def test_never_called(self) -> None:
        self.assertEqual(table.never_called(self.coverage()), ['mm/vma.c:19 unused'])


if __name__ == '__main__':
    unittest.main()
