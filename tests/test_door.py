# SPDX-License-Identifier: GPL-2.0
"""The one door: how make's NAME=value reaches a verb, and what verbs say to bad input."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parents[1]

SHOW = '''#!/usr/bin/env python3
import sys
for argument in sys.argv[1:]:
    print(argument)
'''

VERB = '''#!/usr/bin/env python3
"""Try the conventions."""
import os
import sys
sys.path.insert(0, {tools!r})
from sandbox import cli


def main(argv):
    parser = cli.Parser('verb', 'Try the conventions.')
    parser.add_switch('--loud', 'be loud')
    parser.add_argument('--jobs', type=cli.positive, default=2)
    options = parser.parse_args(argv)
    if options.jobs == 13:
        raise cli.CannotTest('13 jobs bring bad luck: use 12')
    if options.jobs == 14:
        os.kill(os.getpid(), 15)
    print(options.loud, options.jobs)
    return cli.FAILED if options.jobs == 99 else cli.HELD


cli.main(main)
'''


class Door(unittest.TestCase):
    """A copy of the Makefile with two verbs."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix='a path with spaces ')
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        shutil.copy(ROOT / 'Makefile', self.root)
        (self.root / 'tools').mkdir()
        for name, text in (('show', SHOW), ('verb', VERB.format(tools=str(ROOT / 'tools')))):
            tool = self.root / 'tools' / name
            tool.write_text(text, encoding='utf-8')
            tool.chmod(0o755)

    def call(self, *command: str) -> 'subprocess.CompletedProcess[str]':
        """Run a command in the copy."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith('MAKE')}
        return subprocess.run(command, cwd=self.root, env=clean, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def make(self, *arguments: str) -> List[str]:
        """What the verb 'show' got from make."""
        done = self.call('make', '-s', 'show', *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return sorted(done.stdout.splitlines())

    def test_values_arrive_as_they_were_typed(self) -> None:
        self.assertEqual(self.make('SUITE=vma_*', 'FILES=a b.c', "Q=it's $HOME", 'JOBS=1'),
                         ['--files=a b.c', '--jobs=1', "--q=it's $HOME", '--suite=vma_*'])

    def test_names_become_lower_case_with_dashes(self) -> None:
        self.assertEqual(self.make('FAIL_UNDER=3', 'EMPTY='), ['--empty=', '--fail-under=3'])

    def test_environment_is_not_taken_for_options(self) -> None:
        os.environ['SUITE'] = 'from the environment'
        self.addCleanup(os.environ.pop, 'SUITE')
        self.assertEqual(self.make(), [])

    def test_unknown_verb_is_named(self) -> None:
        done = self.call('make', 'nosuch')
        self.assertEqual(done.returncode, 2)
        self.assertIn("no verb 'nosuch'", done.stderr)

    def test_switch_is_on_bare_and_with_1_and_off_with_0(self) -> None:
        for argument, loud in (('--loud', True), ('--loud=1', True), ('--loud=0', False),
                               ('--jobs=2', False)):
            done = self.call('tools/verb', argument)
            self.assertEqual(done.stdout.split()[0], str(loud), argument)

    def test_statuses(self) -> None:
        self.assertEqual(self.call('tools/verb').returncode, 0)
        self.assertEqual(self.call('tools/verb', '--jobs=99').returncode, 1)
        self.assertEqual(self.call('tools/verb', '--jobs=13').returncode, 2)
        self.assertEqual(self.call('tools/verb', '--jobs=14').returncode, 130)

    def test_bad_input_is_one_line_and_status_2(self) -> None:
        for arguments in (['--nosuch=1'], ['--jobs=0'], ['--jobs=x'], ['--loud=perhaps'],
                          ['--jobs=13'], ['stray']):
            done = self.call('tools/verb', *arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertEqual(done.stdout, '')

    def test_help_goes_through_make(self) -> None:
        done = self.call('make', '-s', 'verb', 'HELP=1')
        self.assertEqual(done.returncode, 0)
        self.assertIn('Try the conventions.', done.stdout)


class RealVerbs(unittest.TestCase):
    """Every verb of the repository."""

    def test_each_answers_help(self) -> None:
        for tool in sorted((ROOT / 'tools').iterdir()):
            if tool.is_file() and os.access(tool, os.X_OK):
                done = subprocess.run([sys.executable, tool, '--help'], text=True, check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn('usage: tools/' + tool.name, done.stdout)
                self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100, tool.name)

    def test_each_refuses_an_unknown_option_in_one_line(self) -> None:
        for tool in sorted((ROOT / 'tools').iterdir()):
            if tool.is_file() and os.access(tool, os.X_OK):
                done = subprocess.run([sys.executable, tool, '--nosuch=1'], text=True, check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 2, tool.name)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == '__main__':
    unittest.main()
