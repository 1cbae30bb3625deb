#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tools/coverage on the real kernel: its numbers are those of gcov's own text."""

import collections
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any, Counter, Dict, List, Tuple

ROOT = Path(__file__).resolve().parents[1]
LATEST = ROOT / 'reports' / 'coverage' / 'latest'
BUILD = ROOT / 'build' / 'coverage'

Lines = Counter[int]
Branches = Dict[int, List[int]]


def coverage(*arguments: str) -> 'subprocess.CompletedProcess[str]':
    """Run the verb."""
    return subprocess.run([str(ROOT / 'tools' / 'coverage'), *arguments], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def report() -> Dict[str, Any]:
    """The newest report.json."""
    facts: Dict[str, Any] = json.loads((LATEST / 'report.json').read_text())
    return facts


def tracefile() -> Dict[str, Tuple[Lines, Branches]]:
    """coverage.info, by the end of the file's path ('mm/vma.c')."""
    found = {}
    for record in (LATEST / 'coverage.info').read_text().split('end_of_record\n')[:-1]:
        lines: Lines = collections.Counter()
        branches: Branches = collections.defaultdict(list)
        path = re.findall(r'^SF:(.*)$', record, re.MULTILINE)[0]
        for number, count in re.findall(r'^DA:(\d+),(\d+)$', record, re.MULTILINE):
            lines[int(number)] = int(count)
        for number, count in re.findall(r'^BRDA:(\d+),0,\d+,(\S+)$', record, re.MULTILINE):
            branches[int(number)].append(0 if count == '-' else int(count))
        found['/'.join(Path(path).parts[-2:])] = lines, dict(branches)
    return found


def gcov_text(path: str) -> Tuple[Lines, Branches]:
    """What gcov -b -c prints about a file, summed over the boots' data."""
    lines: Lines = collections.Counter()
    branches: Branches = collections.defaultdict(list)
    stem = path[:-2]
    for data in sorted((LATEST / 'data').glob(f'boot-*/{stem}.gcda')):
        folder = Path(tempfile.mkdtemp())
        shutil.copy(BUILD / f'{stem}.gcno', folder / 'it.gcno')
        shutil.copy(data, folder / 'it.gcda')
        text = subprocess.run(['gcov', '-b', '-c', '-t', 'it.gcda'], cwd=folder, check=True,
                              text=True, env={**os.environ, 'LC_ALL': 'C'},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout
        shutil.rmtree(folder)
        add_text(text, path, lines, branches)
    return lines, branches


def add_text(text: str, path: str, lines: Lines, branches: Branches) -> None:
    """One annotated source of gcov's output.

    Functions that begin in one line come as a block with their sum first and
    without branches, then each of them with its own.
    """
    source = next(part for part in re.split(r'^ +-: +0:Source:', text, flags=re.MULTILINE)
                  if part.split('\n', 1)[0].endswith(path))
    seen = set()
    outcomes: Branches = collections.defaultdict(list)
    number = 0
    for row in source.splitlines():
        found = re.match(r' *([0-9]+|#####|-)\*?: *([0-9]+):', row)
        if found:
            number = int(found[2])
            if found[1] != '-' and number not in seen:
                seen.add(number)
                lines[number] += 0 if found[1] == '#####' else int(found[1])
        elif row.startswith('branch '):
            taken = re.search(r'taken ([0-9]+)', row)
            outcomes[number].append(int(taken[1]) if taken else 0)
    for number, counts in outcomes.items():
        old = branches.setdefault(number, [0] * len(counts))
        branches[number] = [one + other for one, other in zip(old, counts)]


class EndToEnd(unittest.TestCase):
    """One measured run, looked at from several sides."""

    def test_1_numbers_are_gcovs(self) -> None:
        """Every line and every branch outcome of every file, against gcov's text."""
        done = coverage()
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        self.assertTrue(all(len(line) <= 80 for line in done.stdout.splitlines()), done.stdout)
        facts = report()
        self.assertEqual(facts['lost'], [])
        self.assertGreater(facts['files']['mm/vma.c']['lines']['covered'], 300)
        for path, (lines, branches) in tracefile().items():
            with self.subTest(path):
                text_lines, text_branches = gcov_text(path)
                self.assertEqual(dict(lines), dict(text_lines))
                self.assertEqual(branches, dict(text_branches))
                self.assertEqual(facts['files'][path]['lines'], {
                    'covered': sum(count > 0 for count in text_lines.values()),
                    'total': len(text_lines)})
                taken = [one for counts in text_branches.values() for one in counts]
                self.assertEqual(facts['files'][path]['branches'], {
                    'covered': sum(one > 0 for one in taken), 'total': len(taken)})
        self.assertTrue((LATEST / 'html' / 'index.html').exists())

    def test_2_another_choice_compiles_what_differs(self) -> None:
        """FILES=mm/vma.c compiles the objects that are no longer measured, and no others."""
        coverage()
        before = report()['files']
        done = coverage('--files=mm/vma.c', '--suite=vma_split')
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        built = re.search(r'built (\d+) of', done.stdout)
        assert built
        # Objects of the same name elsewhere count, too, and the version of the build.
        self.assertLess(int(built[1]), 3 * len(before))
        self.assertEqual(list(report()['files']), ['mm/vma.c'])
        again = coverage('--files=mm/vma.c', '--suite=vma_split')
        self.assertIn('built 0 of', again.stdout)
        self.assertEqual(report()['files']['mm/vma.c']['lines']['total'],
                         before['mm/vma.c']['lines']['total'])

    def test_3_bad_files(self) -> None:
        """One line, status 2."""
        for name, cause in (('mm/absent.c', 'there is no mm/absent.c'),
                            ('mm/mempolicy.c', 'mm/mempolicy.c is not compiled')):
            done = coverage(f'--files={name}')
            self.assertEqual(done.returncode, 2)
            self.assertIn(cause, done.stderr.strip().splitlines()[-1])


if __name__ == '__main__':
    unittest.main()
