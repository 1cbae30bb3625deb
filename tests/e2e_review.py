#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tools/review on the real kernel: series that mimic real ones, and the class of each line."""

import base64
import collections
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import quopri
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Set, Tuple
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools'), str(ROOT / 'tests')]

import e2e_coverage  # noqa: E402
import golden  # noqa: E402
import real_series  # noqa: E402
from real_series import Patch  # noqa: E402
from sandbox import measure  # noqa: E402

LATEST = ROOT / 'reports' / 'review' / 'latest'
CHECKOUT = ROOT / 'build' / 'worktrees' / 'review' / 'src'


def review(*options: str) -> 'subprocess.CompletedProcess[str]':
    """Run the verb."""
    return subprocess.run([str(ROOT / 'tools' / 'review'), *options], check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


def report() -> Dict[str, Any]:
    """The newest report.json."""
    facts: Dict[str, Any] = json.loads((LATEST / 'report.json').read_text(encoding='utf-8'))
    return facts


def keeping_data(*options: str) -> int:
    """Run the verb here, and have it leave what the kernel wrote; its status."""
    loader = importlib.machinery.SourceFileLoader('review_verb', str(ROOT / 'tools/review'))
    spec = importlib.util.spec_from_loader('review_verb', loader)
    assert spec
    verb = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, 'dont_write_bytecode', True):
        loader.exec_module(verb)
    with mock.patch.object(measure, 'drop_data'), contextlib.redirect_stdout(io.StringIO()):
        status: int = verb.main(options)
    return status


def gcov_text(path: str) -> Tuple['e2e_coverage.Lines', 'e2e_coverage.Branches']:
    """What gcov's text says of a file, summed over what each test executed."""
    lines: e2e_coverage.Lines = collections.Counter()
    branches: e2e_coverage.Branches = collections.defaultdict(list)
    notes = CHECKOUT.parent / 'coverage' / f'{path[:-2]}.gcno'
    for data in sorted((LATEST / 'work/tip/coverage/data').glob(f'boot-*/**/{path[:-2]}.gcda')):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(notes, f'{folder}/it.gcno')
            shutil.copy(data, f'{folder}/it.gcda')
            text = subprocess.run(['gcov', '-b', '-c', '-t', 'it.gcda'], cwd=folder, check=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  encoding='utf-8').stdout
        e2e_coverage.add_text(text, path, lines, branches)
    return lines, branches


def genhtml_lines(info: Path, path: str) -> Dict[int, int]:
    """The executions of each line as genhtml shows them."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(['genhtml', '--quiet', '--branch-coverage', '--output-directory', folder,
                        str(info)], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        page = next(Path(folder).rglob(f'{Path(path).name}.gcov.html'))
        rows = re.findall(r'<a name="(\d+)">.*class="line(?:No)?Cov"> *(\d+) *:',
                          page.read_text(encoding='utf-8'))
    return {int(number): int(count) for number, count in rows}


def mails(patches: Sequence[Patch]) -> List[bytes]:
    """The cover letter and the patches, each a mail of an mbox."""
    return re.split(rb'(?m)^(?=From [0-9a-f]{40} )',
                    real_series.mbox(patches, 'mm: lock what is short'))[1:]


def encoded(mail: bytes, name: str, encode: Callable[[bytes], bytes]) -> bytes:
    """A mail whose body is encoded."""
    head, _, body = mail.partition(b'\n\n')
    lines = [line for line in head.split(b'\n') if not re.match(rb'(?i)content-|mime-', line)]
    return b'\n'.join([*lines, b'Content-Type: text/plain; charset=UTF-8',
                       b'Content-Transfer-Encoding: ' + name.encode(), b'', encode(body), b''])


class Series(unittest.TestCase):
    """Each test reviews one series, patch by patch."""

    maxDiff = None

    def walk(self, patches: Sequence[Patch], title: str, *options: str
             ) -> Tuple[int, str, Dict[str, Any]]:
        """Review a series: status, screen and report; what is shown has its form."""
        with tempfile.NamedTemporaryFile(suffix='.mbox') as box:
            box.write(real_series.mbox(patches, title))
            box.flush()
            done = review(f'--series={box.name}', *options)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        self.assertTrue(all(len(line) <= 80 for line in done.stdout.splitlines()), done.stdout)
        mail = (LATEST / 'report.txt').read_text(encoding='utf-8').splitlines()
        self.assertLess(len(mail), 40)
        self.assertTrue(all(len(line) <= 72 for line in mail), mail)
        facts = report()
        self.assertEqual((facts['title'], facts['lost']), (title, []))
        self.assertEqual([patch['subject'] for patch in facts['patches']],
                         [patch.subject for patch in patches])
        return done.returncode, done.stdout, facts

    def check_lines(self, patches: Sequence[Patch], facts: Dict[str, Any]) -> None:
        """Every line that a recipe marks has the class of its mark, and there are no others."""
        for wanted, said in zip(patches, facts['patches']):
            for path, lines in wanted.lines.items():
                with self.subTest(wanted.subject, file=path):
                    self.assertEqual(self.classes(facts, said, path), lines)

    def classes(self, facts: Dict[str, Any], patch: Dict[str, Any], path: str
                ) -> List[Tuple[str, str]]:
        """Class and text of a patch's lines in a file, in their order."""
        rows = self.text(facts, path)
        return [(line['class'], rows[int(number) - 1].strip())
                for number, line in patch['files'].get(path, {}).items()]

    def text(self, facts: Dict[str, Any], path: str) -> List[str]:
        """The lines of a file as tested."""
        return subprocess.run(['git', 'show', f'{facts["tested"]}:{path}'], cwd=CHECKOUT,
                              check=True, stdout=subprocess.PIPE,
                              encoding='utf-8').stdout.split('\n')

    def check_golden(self, name: str, facts: Dict[str, Any]) -> None:
        """The mail, and every line with its class and reason, are those in tests/golden."""
        paths = {path for patch in facts['patches'] for path in patch['files']}
        golden.check(self, name, (LATEST / 'report.txt').read_text(encoding='utf-8'), facts,
                     {path: self.text(facts, path) for path in paths})

    def test_refactoring(self) -> None:
        """A moved function, one taken out of another, and a change that is reached in part."""
        status, said, facts = self.walk(real_series.REFACTORING, 'mm: lock what is short')
        self.assertEqual(status, 0)
        self.check_lines(real_series.REFACTORING, facts)
        self.check_golden('refactoring', facts)
        moved = facts['patches'][0]
        self.assertTrue(all(line['moved'] for line in moved['files']['mm/mlock.c'].values()))
        self.assertEqual((moved['size']['before'], moved['functions']['indirect']),
                         (moved['size']['after'], []))
        self.assertEqual(self.classes(facts, moved, 'mm/mlock.c')[5:8], [
            ('covered', 'if (retval == -EFAULT)'), ('optimised-out', 'retval = -ENOMEM;'),
            ('covered', 'else if (retval == -ENOMEM)')])
        self.assertRegex(said, r'\n4  Documentation: words +ok +0 +\d+/\d+ +no code\n')
        checks = facts['patches'][2]['files']['mm/mprotect.c'].values()
        self.assertEqual([line['reason'] for line in checks if line['class'] == 'partial'],
                         ['1 of 2 outcomes never happened', *['never true'] * 4])

    def test_broken_in_the_middle(self) -> None:
        """Which patch breaks a suite or the build, and which one mends it."""
        status, said, facts = self.walk(real_series.BROKEN, 'mm: count what is locked')
        self.assertEqual(status, 1)
        patches = facts['patches']
        self.assertEqual([patch['builds'] for patch in patches], [True, True, True, False, True])
        self.assertIn("'count_of_nothing' undeclared", patches[3]['error'])
        failing = {one['case'] for one in facts['failures']}
        self.assertIn('vma_mlock.locked_as_asked', failing)
        self.assertEqual({(one['since'], one['mended']) for one in facts['failures']}, {(2, 3)})
        self.assertEqual(set(patches[1]['tests']['failures']), failing)
        self.assertIsNone(patches[3]['tests'])
        self.assertEqual([len(patch['warnings']) for patch in patches], [1, 0, 0, 0, 0])
        self.assertIn("variable 'pages' set but not used", patches[0]['warnings'][0]['text'])
        self.assertEqual([found.partition(' ')[0] for found in patches[0]['checkpatch']],
                         ['WARNING:SPACING:'])
        self.check_lines(real_series.BROKEN, facts)
        self.check_golden('broken', facts)
        for number in (1, 3):       # what a later patch writes over is nobody's
            self.assertEqual(patches[number]['files'], {})
        self.assertRegex(said, r'\n2 FAILS vma_\w+\.\w+, mended by 3\n')
        self.assertRegex(said, r'\n4 does not build: mm/mlock.c:\d+')

    def test_header_option_and_other_architecture(self) -> None:
        """What this kernel does not hold is not called uncovered, and the option is named."""
        status, said, facts = self.walk(real_series.ELSEWHERE, 'mm: elsewhere')
        self.assertEqual(status, 0)
        self.check_lines(real_series.ELSEWHERE, facts)
        self.check_golden('elsewhere', facts)
        reasons = {(path, line['reason']) for patch in facts['patches']
                   for path, lines in patch['files'].items() for line in lines.values()
                   if line['class'] == 'not-compiled'}
        self.assertEqual(reasons, {('mm/vma.h', 'needs CONFIG_NUMA'),
                                   ('mm/vma_words.c', 'needs CONFIG_VMA_WORDS'),
                                   ('arch/arm64/mm/cache.S', 'architecture arm64'),
                                   ('arch/arm64/mm/flush.c', 'architecture arm64')})
        header = facts['patches'][0]
        self.assertIn('can_vma_merge_right', header['functions']['indirect'])
        self.assertNotEqual(header['size']['before'], header['size']['after'])
        measured, users = facts['headers']['mm/vma.h'].values()
        self.assertGreater(users, measured)
        self.assertIn('gcc kept no code of vmg_empty() in the '
                      f'{measured} of {users} objects that were measured',
                      [line.get('reason') for line in header['files']['mm/vma.h'].values()])
        self.assertRegex(said, r'\n3  arm64: .* ok +0 +\d+/\d+  not compiled\n')

    def test_crash(self) -> None:
        """What the case that crashed executed is not known, but for where the kernel was last."""
        with tempfile.NamedTemporaryFile(suffix='.mbox') as box:
            box.write(real_series.mbox(real_series.CRASH, 'mm: read what is not there'))
            box.flush()
            done = review(f'--series={box.name}', '--tip')
        self.assertEqual(done.returncode, 1, done.stderr)
        facts = report()
        self.check_lines(real_series.CRASH, facts)
        broken = [one['case'] for one in facts['tests']['failures'] if one['status'] == 'crashed']
        self.assertIn('vma_mlock.what_comes_is_locked', broken)
        self.assertRegex(facts['tests']['failures'][0]['message'],
                         r'fault at addr 0x8, ip apply_mlockall_flags \(mm/mlock.c:\d+\)')
        told = [line['reason'] for line in facts['patches'][0]['files']['mm/mlock.c'].values()
                if 'reason' in line]
        unless = rf', unless in {re.escape(broken[0])}(, which crashed| or .*, which broke off)$'
        self.assertEqual(told[1], f'the kernel was here when {broken[0]} crashed')
        self.assertRegex(told[0], f'^never true{unless}')
        self.assertRegex(told[2], f'^no test gets here{unless}')

    def test_as_it_comes_by_mail(self) -> None:
        """Out of order, with CRLF, quoted-printable and base64, it is the same series.

        And it has less coverage than this gate wants.
        """
        cover, one, two, three, four = mails(real_series.REFACTORING)
        with tempfile.NamedTemporaryFile(suffix='.mbox') as box:
            box.write(b''.join([encoded(three, 'base64', base64.encodebytes), cover,
                                encoded(two, 'quoted-printable', quopri.encodestring),
                                four, one.replace(b'\n', b'\r\n')]))
            box.flush()
            done = review(f'--series={box.name}', '--tip', '--fail-under=lines=95,branches=10')
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stdout, r'FAIL-UNDER lines: \d+ of \d+ covered .*, 95 % wanted\n$')
        facts = report()
        self.assertEqual([patch['subject'] for patch in facts['patches']],
                         [patch.subject for patch in real_series.REFACTORING])
        self.check_lines(real_series.REFACTORING, facts)

    def test_what_cannot_be_reviewed(self) -> None:
        """One line that names the cause, status 2, and the report before stays the latest."""
        cover, one, two, three, four = mails(real_series.REFACTORING)
        whole = b''.join([cover, one, two, three, four])
        binary = four[:four.index(b'diff --git')] + (
            b'diff --git a/x.png b/x.png\nindex 1..2 100644\nBinary files a/x.png and b/x.png '
            b'differ\n-- \n2\n\n')
        latest = LATEST.resolve()
        for cause, series in (
                ('patch 2/4 .*mm/mlock.c, hunk 1 is cut off',
                 whole[:whole.index(b'return nr_pages;')]),
                ('patch 3/4 .*holds less than its diffstat says .*was it cut off',
                 cover + one + two + four + three[:three.rindex(b'@@ -')]),
                ('patch 4/4 .*holds no diff .*was it cut off',
                 whole[:len(whole) - len(four) + four.index(b'diff --git')]),
                ('is not whole: 2/4 is missing', cover + one + three + four),
                ('patch 4/4 .*changes the binary file x.png without its data',
                 cover + one + two + three + binary),
                ('patch 1/4 .*does not apply: mm/absent.c: does not exist',
                 whole.replace(b'mm/mlock.c', b'mm/absent.c')),
                ('patch 2/4 .*does not apply: mm/mlock.c, hunk 1 of 2', cover + one + two.replace(
                    b' \tint ret = 0;', b' \tint ret = 1;') + three + four),
                ('patch 2/4 .*hunk 1 is damaged', whole.replace(b'\n \tint ret = 0', b'\nint r'))):
            with self.subTest(cause), tempfile.NamedTemporaryFile(suffix='.mbox') as box:
                box.write(series)
                box.flush()
                done = review(f'--series={box.name}')
                self.assertEqual((done.returncode, done.stdout), (2, ''))
                self.assertRegex(done.stderr.strip().splitlines()[-1], cause)
                self.assertNotIn('Traceback', done.stderr)
        self.assertEqual(LATEST.resolve(), latest)

    def test_numbers_are_gcovs(self) -> None:
        """Counts and outcomes are those of gcov's text, genhtml's and diff-cover's the same."""
        with tempfile.NamedTemporaryFile(suffix='.mbox') as box:
            box.write(real_series.mbox(real_series.REFACTORING, 'mm: lock what is short'))
            box.flush()
            self.assertEqual(keeping_data(f'--series={box.name}', '--tip',
                                          '--fail-under=lines=80,branches=40'), 0)
        self.addCleanup(measure.drop_data, LATEST / 'work')
        facts = report()
        for path in ('mm/mlock.c', 'mm/mprotect.c'):
            with self.subTest(path):
                said = {int(number): line for patch in facts['patches']
                        for number, line in patch['files'].get(path, {}).items()}
                counted = {number: line['count'] for number, line in said.items()
                           if 'count' in line}
                lines, branches = gcov_text(path)
                self.assertEqual(counted, {number: lines[number] for number in said
                                           if number in lines})
                self.assertEqual({number: said[number].get('branches', []) for number in counted},
                                 {number: branches.get(number, []) for number in counted})
                self.assertEqual(genhtml_lines(LATEST / 'change.info', path), counted)
                self.assertEqual(genhtml_lines(LATEST / 'coverage.info', path), dict(lines))
        self.check_diff_cover(facts)

    def check_diff_cover(self, facts: Dict[str, Any]) -> None:
        """diff-cover finds the same uncovered lines in the checkout's diff to the base."""
        if not shutil.which('diff-cover'):
            self.skipTest('diff-cover is not installed')
        ours: Dict[str, Set[int]] = {}
        for patch in facts['patches']:
            for path, lines in patch['files'].items():
                ours.setdefault(path, set()).update(
                    int(number) for number, line in lines.items() if line.get('count') == 0)
        with tempfile.NamedTemporaryFile(suffix='.json') as answer:
            subprocess.run(['diff-cover', '--compare-branch', facts['base'],
                            '--diff-range-notation', '..', '--json-report', answer.name,
                            str(LATEST / 'change.info')], cwd=CHECKOUT, check=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            theirs = json.loads(answer.read())
        self.assertEqual({path: set(one['violation_lines'])
                          for path, one in theirs['src_stats'].items()},
                         {path: ours[path] for path in ('mm/mlock.c', 'mm/mprotect.c')})
        self.assertEqual(theirs['total_num_lines'], sum(
            'count' in line for patch in facts['patches'] for lines in patch['files'].values()
            for line in lines.values()))


if __name__ == '__main__':
    unittest.main()
