#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The classes of changed lines, on small programs compiled here; diffs; C by its text."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Dict, List

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from coverage import CoverageError, change, counters, diff, gcov, source  # noqa: E402
from coverage.model import File, Line  # noqa: E402

# Each line's class, checked by hand against gcov's text; '-' is no-code.
PROGRAM = '''\
#include <stdlib.h>                             // -
#define IS_ENABLED(x) 0                         // -
static volatile int sink;                       // -

/* A comment. */                                // -
static int twice(int a)                         // covered
{                                               // -
    int b;                                  // -
    int c = a;                              // optimised-out

    if (c > 2 &&                            // covered
        c < 100)                            // -
        b = 2;                          // optimised-out
    else                                    // -
        b = 0;                          // optimised-out
#ifdef CONFIG_NUMA
    sink = numa(a,                          // not-compiled
            b);                         // not-compiled
#else
    sink = b;                               // covered
#endif
    if (IS_ENABLED(CONFIG_SWAP)) {          // optimised-out
        sink = 1;                       // not-compiled
    }                                       // -
    if (c < 0)                              // partial
        goto out;                       // uncovered
    if (c < 1000) {                         // partial
        sink = 6;                       // covered
    }                                       // -
    if (IS_ENABLED(CONFIG_SWAP) && c > 2)   // optimised-out
        sink = 7;                       // not-compiled
    if (c == 1234 ||                        // covered
        c == 12345)                     // partial
        return -1;                      // optimised-out
    if (c > 2)                              // covered
        sink = 8;                       // covered
    else if (c > -1000)                     // partial
        sink = 9;                       // covered
    switch (c) {                            // partial
    case 1:                                 // covered
        sink = 3;                       // covered
        break;                          // covered
    case 77:                                // uncovered
        sink = 4;                       // uncovered
        break;                          // uncovered
    }                                       // -
    return b;                               // optimised-out
out:                                            // -
    return 7;                               // uncovered
}                                               // -
#if !defined(CONFIG_MMU)
static int never_compiled(void) { return 1; }   // not-compiled
#endif
#ifdef WHO_KNOWS
struct other { int a; };                        // not-compiled
#endif

static inline int unused(int a)                 // -
{                                               // -
    return a * sink;                        // optimised-out
}                                               // -

static int always(int a)                        // covered
{                                               // -
    if (a > -1000)                          // partial
        return 1;                       // optimised-out
    sink = 5;                               // uncovered
    return 2;                               // uncovered
}                                               // -

int main(int argc, char **argv)                 // covered
{                                               // -
    int i;                                  // -

    for (i = 1; i < argc; i++)              // covered
        sink = always(twice(atoi(argv[i])));    // covered
    return 0;                               // optimised-out
}                                               // -
'''


class Classes(unittest.TestCase):
    """One program with a line of each class."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / 'p.c').write_text(PROGRAM)
        for words in (['gcc', '--coverage', '-O1', '-c', '-fno-inline', 'p.c'],
                      ['gcc', '--coverage', 'p.o', '-o', 'p']):
            subprocess.run(words, cwd=self.folder, check=True)

    def run_program(self, name: str, *arguments: str) -> Path:
        """One run with its data apart."""
        data = self.folder / name
        subprocess.run(['./p', *arguments], cwd=self.folder, check=True,
                       env=gcov.run_environment(self.folder, data))
        return data

    def seen(self) -> 'set[int]':
        """What the preprocessor lets through."""
        text = subprocess.run(['gcc', '-E', 'p.c'], cwd=self.folder, check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        return change_seen(text, 'p.c')

    def verdicts(self, *runs: Path, why: 'Dict[int, str] | None' = None, unless: str = '',
                 crashed: 'Dict[int, str] | None' = None) -> Dict[int, change.Verdict]:
        coverage = gcov.read(['p.o'], self.folder, self.folder, runs)
        knowledge = change.Knowledge('test', coverage.files['p.c'],
                                     source.macros({'MMU': 'y'}), seen=self.seen, why=why or {},
                                     unless=unless, crashed=crashed or {})
        numbers = range(1, PROGRAM.count('\n') + 1)
        return change.classify(numbers, source.read(PROGRAM), knowledge)

    def test_every_line(self) -> None:
        """The class of each line is the one written beside it."""
        verdicts = self.verdicts(self.run_program('one', '1', '3', '0'))
        for number, line in enumerate(PROGRAM.splitlines(), 1):
            wanted = line.partition('// ')[2] or '-'
            found = verdicts[number].kind.replace('no-code', '-')
            with self.subTest(line=line):
                self.assertEqual(found, wanted, f'{number}: {verdicts[number]}')

    def test_reasons(self) -> None:
        """What keeps a line out is named."""
        verdicts = self.verdicts(self.run_program('one', '1'))
        told = {PROGRAM.splitlines()[number - 1].partition('//')[0].strip(): verdict.reason
                for number, verdict in verdicts.items() if verdict.reason}
        self.assertEqual(told['sink = numa(a,'], 'needs CONFIG_NUMA')
        self.assertEqual(told['sink = 1;'], 'needs CONFIG_SWAP')
        self.assertEqual(told['static int never_compiled(void) { return 1; }'],
                         'needs CONFIG_MMU=n')
        self.assertEqual(told['struct other { int a; };'], '#if defined(WHO_KNOWS)')
        self.assertEqual(told['return a * sink;'], 'gcc kept no code of unused()')
        self.assertEqual(told['goto out;'], 'no test gets here')
        self.assertEqual(told['if (c < 0)'], 'never true')
        self.assertEqual(told['if (c < 1000) {'], 'never false')
        self.assertEqual(told['c == 12345)'], 'never true')
        self.assertEqual(told['if (a > -1000)'], 'never false')
        self.assertEqual(told['else if (c > -1000)'], 'never false')
        self.assertRegex(told['switch (c) {'], r'^\d of \d outcomes never happened$')

    def test_what_a_crash_leaves_unknown(self) -> None:
        """A gap may be none, and where the kernel was last seen it was; what is known stays."""
        run = self.run_program('one', '1')
        before = self.verdicts(run)
        gaps = [at for at, verdict in before.items() if verdict.kind == change.UNCOVERED]
        after = self.verdicts(run, unless='in a.b, which hung', crashed={gaps[0]: 'a.c'})
        for at, verdict in after.items():
            old, new = (one.facts() for one in (before[at], verdict))
            if at == gaps[0]:
                self.assertEqual(new.pop('reason'), 'the kernel was here when a.c crashed')
                del old['reason']
            elif verdict.kind in (change.PARTIAL, change.UNCOVERED):
                old['reason'] = f'{old["reason"]}, unless in a.b, which hung'
            self.assertEqual(new, old)
        joined = change.join(after[gaps[1]], before[gaps[1]])
        self.assertEqual(joined.facts()['reason'],
                         'no test gets here, unless in a.b, which hung')
        joined = change.join(before[gaps[0]], after[gaps[0]])
        self.assertEqual(joined.facts()['reason'], 'the kernel was here when a.c crashed')

    def test_excluded(self) -> None:
        """A recorded reason takes a gap out of the figures; what is covered stays so."""
        lines = PROGRAM.splitlines()
        number = next(at for at, line in enumerate(lines, 1) if 'return 7' in line)
        run = self.run_program('one', '1')
        before = change.total(self.verdicts(run).values())
        verdicts = self.verdicts(run, why={number: 'because', number - 2: 'x'})
        self.assertEqual((verdicts[number].kind, verdicts[number].reason),
                         (change.EXCLUDED, 'because'))
        after = change.total(verdicts.values())
        self.assertEqual(after.lines.total, before.lines.total - 1)
        self.assertEqual(after.lines.covered, before.lines.covered)

    def test_by_test_agrees_with_gcov(self) -> None:
        """Every line that gcov counts in a run is one that the counters say ran, and no other."""
        inputs: List[List[str]] = [['1'], ['77', '-5'], ['3', '200'], []]
        runs = [self.run_program(f'run-{number}', *words) for number, words in enumerate(inputs)]
        graphs = counters.notes(self.folder / 'p.gcno')
        places = {name: 'p.c' for name in counters.sources(graphs) if name.endswith('p.c')}
        watched = counters.watch(graphs, places, {'p.c': set(range(PROGRAM.count('\n') + 1))})
        for run in runs:
            theirs = gcov.read(['p.o'], self.folder, self.folder, [run]).files['p.c']
            ours = {line for _, line in watched.lines(counters.data(run / 'p.gcda'))}
            self.assertEqual(ours, {number for number, line in theirs.lines.items()
                                    if line.count})

    def test_sum_of_data(self) -> None:
        """The sum of data files is what gcov adds up."""
        inputs: List[List[str]] = [['1', '77'], ['3', '200'], ['1'], []]
        runs = [self.run_program(f'run-{number}', *words) for number, words in enumerate(inputs)]
        together = self.folder / 'together'
        counters.add({data: counters.data(data) for data in
                      (run / 'p.gcda' for run in runs)}, together / 'p.gcda')
        self.assertEqual(gcov.read(['p.o'], self.folder, self.folder, [together]).files,
                         gcov.read(['p.o'], self.folder, self.folder, runs).files)

    def test_data_that_does_not_fit(self) -> None:
        """Of another build, or cut off anywhere: an error that says so."""
        run, notes = self.run_program('fits', '1') / 'p.gcda', self.folder / 'p.gcno'
        self.assertTrue(counters.data(run, notes))
        whole = run.read_bytes()
        for name, raw, cause in (('stamp', whole[:8] + b'xxxx' + whole[12:], 'of another build'),
                                 ('gcc', whole[:4] + b'*30B' + whole[8:], 'of another gcc'),
                                 ('end', whole[:-4], 'is cut off'), ('half', whole[:70], 'cut off'),
                                 ('head', whole[:6], 'is cut off'), ('none', b'', 'is cut off'),
                                 ('text', b'not of gcov', 'is cut off')):
            with self.subTest(name), self.assertRaisesRegex(CoverageError, cause):
                run.write_bytes(raw)
                counters.data(run, notes)

    def test_two_configurations(self) -> None:
        """Outcomes of both count; where a line was executed is said."""
        one = change.Verdict(change.PARTIAL, 2, [2, 0], ['a.x'], 'r', ['fast'])
        two = change.Verdict(change.PARTIAL, 1, [0, 1], ['a.y'], 'r', ['smp'])
        joined = change.join(one, two)
        self.assertEqual((joined.kind, joined.tests, joined.configs),
                         (change.COVERED, ['a.x', 'a.y'], ['fast', 'smp']))
        out = change.Verdict(change.NOT_COMPILED, reason='needs CONFIG_NUMA')
        self.assertEqual(change.join(out, two), two)
        self.assertEqual(change.join(two, out), two)
        self.assertEqual(change.join(change.Verdict(change.NO_CODE), out), out)
        never = change.Verdict(change.UNCOVERED, 0, [], [], 'no test gets here')
        self.assertEqual(change.join(never, change.Verdict(change.EXCLUDED, reason='w')).kind,
                         change.EXCLUDED)


def change_seen(text: str, name: str) -> 'set[int]':
    """As the verb does it."""
    from coverage import preprocessed
    return preprocessed.lines(text, lambda file: file == name)


class Text(unittest.TestCase):
    """C by its text."""

    def test_conditions(self) -> None:
        known = source.macros({'A': 'y', 'M': 'm'})
        table: 'List[tuple[str, source.Value]]' = [
                ('defined(CONFIG_A)', True), ('defined CONFIG_B', False),
                ('IS_ENABLED(CONFIG_M)', True), ('!IS_ENABLED(CONFIG_A)', False),
                ('defined(CONFIG_A) && defined(X)', None), ('defined(CONFIG_B) && X > 3', False),
                ('defined(CONFIG_A) || X > (3 + 1)', True), ('0', False), ('1', True),
                ('(defined(CONFIG_B) || 0) && Y(a, (b))', False), ('X == 1', None),
                ('defined(', None)]
        for condition, value in table:
            self.assertEqual(source.evaluate(condition, known), value, condition)

    def test_elif(self) -> None:
        text = '#if defined(CONFIG_A)\nint a;\n#elif defined(CONFIG_B)\nint b;\n#else\nint c;\n'
        rows = source.read(text + '#endif\nint d;\n')
        known = source.macros({'A': 'y'})
        self.assertEqual([source.kept_out(rows.row(number), known) for number in (2, 4, 6, 8)],
                         [(False, ''), (True, 'needs CONFIG_A=n'), (True, 'needs CONFIG_A=n'),
                          (False, '')])

    def test_guard_of_trace_events_is_no_condition(self) -> None:
        """Such a header says when it may be read again."""
        read = source.read('#undef TRACE_SYSTEM\n#if !defined(_TRACE_X_H) || '
                           'defined(TRACE_HEADER_MULTI_READ)\n#define _TRACE_X_H\nint x;\n'
                           '#if !defined(_TRACE_X_H) || defined(Y)\nint y;\n#endif\n#endif\n')
        self.assertEqual(source.kept_out(read.row(4), lambda name: None), (False, ''))
        self.assertEqual(source.kept_out(read.row(6), lambda name: None)[0], None)

    def test_header_guard_is_no_condition(self) -> None:
        rows = source.read('/* x */\n#ifndef _X_H\n#define _X_H\nint a;\n#endif\n')
        self.assertEqual(source.kept_out(rows.row(4), source.macros({})), (False, ''))

    def test_macro_bodies_and_strings(self) -> None:
        rows = source.read('#define A(x) \\\n\tdo_it(x); \\\n\tmore(x)\nchar *s = "/*";\nint a;\n')
        self.assertEqual([row.kind for row in rows.rows[:5]],
                         ['directive'] * 3 + ['outside', 'outside'])


DIFF = '''\
diff --git a/mm/a.c b/mm/a.c
--- a/mm/a.c
+++ b/mm/a.c
@@ -1,4 +1,4 @@ int f()
 one
-two
+deux
 three

@@ -10 +10,2 @@
 ten
+eleven
diff --git a/x.bin b/x.bin
Binary files a/x.bin and b/x.bin differ
'''


class Diffs(unittest.TestCase):
    """Unified diffs."""

    def test_lines(self) -> None:
        files = diff.parse(DIFF)
        self.assertEqual([(file.path, file.binary) for file in files],
                         [('mm/a.c', ''), ('x.bin', 'named')])
        self.assertEqual(files[0].added, {2: 'deux', 11: 'eleven'})
        self.assertEqual(files[0].removed, {2: 'two'})

    def test_cut_off(self) -> None:
        with self.assertRaisesRegex(CoverageError, 'mm/a.c, hunk 2 is cut off'):
            diff.parse(DIFF[:DIFF.index('+eleven')])

    def test_without_git_line(self) -> None:
        files = diff.parse('--- a/x.c\t2026\n+++ b/x.c\t2026\n@@ -0,0 +1 @@\n+a\n'
                           '--- a/y.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n')
        self.assertEqual([(file.path, file.deleted) for file in files],
                         [('x.c', False), ('y.c', True)])

    def test_moved(self) -> None:
        gone = ['a();', 'b();', 'c();', 'd();']
        text = ('--- a/x.c\n+++ b/x.c\n@@ -1,4 +1,0 @@\n' + ''.join(f'-{one}\n' for one in gone)
                + '--- a/y.c\n+++ b/y.c\n@@ -0,0 +1,5 @@\n+new();\n'
                + ''.join(f'+\t{one}\n' for one in gone))
        self.assertEqual(diff.moved(diff.parse(text)), {'y.c': [2, 3, 4, 5]})


class Figures(unittest.TestCase):
    """Sums."""

    def test_no_executable_line(self) -> None:
        totals = change.total([change.Verdict(change.NO_CODE)])
        self.assertEqual((totals.lines.total, totals.classes), (0, {'no-code': 1}))

    def test_missing_outcomes_in_words(self) -> None:
        wanted: List['tuple[list[int], str]'] = [
            ([1, 0], '1 of 2 outcomes never happened'),
            ([0] * 8, '8 of 8 outcomes never happened')]
        for branches, words in wanted:
            self.assertEqual(change.never(branches), words)

    def test_not_measured(self) -> None:
        """A file that no measured object uses has lines all the same."""
        text = 'static inline int f(int a)\n{\n\treturn a;\n}\n'
        knowledge = change.Knowledge('c', None, source.macros({}))
        kinds = [verdict.kind for verdict in change.classify(
            range(1, 5), source.read(text), knowledge).values()]
        self.assertEqual(kinds, ['no-code', 'no-code', 'optimised-out', 'no-code'])
        entry = File('a.h', {3: Line(1)})
        knowledge = change.Knowledge('c', entry, source.macros({}))
        self.assertEqual(change.classify([3], source.read(text), knowledge)[3].kind, 'covered')


if __name__ == '__main__':
    unittest.main()
