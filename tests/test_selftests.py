#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tools/selftests, tools/exec and the guest without a kernel: golden outputs, and a fake."""

import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Dict, List, Tuple
from unittest import mock

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent / 'tools'
sys.path.insert(0, str(TOOLS))

from sandbox import cli, configs, guest, paths, selftestreport, selftests, tap  # noqa: E402
from sandbox.configs import Config  # noqa: E402
from sandbox.guest import Ending, Guest, Machine  # noqa: E402
from sandbox.kbuild import Build  # noqa: E402
from sandbox.selftests import Expectation, Program, Row, Run  # noqa: E402
from sandbox.tap import Result  # noqa: E402
from sandbox.tree import Tree  # noqa: E402
from sandbox.userspace import UserSpace  # noqa: E402

PASSED = '''\
TAP version 13
1..3
# [INFO] detected THP size: 2048 KiB
ok 1 first
ok 2 - second: with a colon
ok 3 third (with brackets)
# Totals: pass:3 fail:0 xfail:0 xpass:0 skip:0 error:0
'''
HARNESS = '''\
TAP version 13
1..3
# Starting 3 tests from 2 test cases.
#  RUN           guard_regions.anon.basic ...
#            OK  guard_regions.anon.basic
ok 1 guard_regions.anon.basic
#  RUN           guard_regions.shmem.uffd ...
#      SKIP      No userfaultfd
#            OK  guard_regions.shmem.uffd
ok 2 guard_regions.shmem.uffd # SKIP No userfaultfd
#  RUN           global.sanity ...
# merge.c:12:sanity:Expected 1 (1) == 2 (2)
# sanity: Test failed
#          FAIL  global.sanity
not ok 3 global.sanity
# FAILED: 2 / 3 tests passed.
# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0
'''
EXITED = Ending(guest.EXITED, 0)


def judged(text: str, ending: Ending) -> List[Tuple[str, str, str]]:
    """The results of an output as tuples."""
    return [(result.name, result.status, result.reason)
            for result in tap.judge(text.splitlines(), ending)]


def exited(number: int) -> Ending:
    """A program that ended with a status."""
    return Ending(guest.EXITED, number)


class Outputs(unittest.TestCase):
    """Every way in which a program can speak and end."""

    def whole(self, text: str, ending: Ending) -> Tuple[str, str]:
        """What is said about the program as a whole: status and reason."""
        name, status, reason = judged(text, ending)[-1]
        self.assertEqual(name, tap.WHOLE)
        return status, reason

    def test_all_passed(self) -> None:
        self.assertEqual(judged(PASSED, EXITED), [
            ('first', 'passed', ''), ('second: with a colon', 'passed', ''),
            ('third (with brackets)', 'passed', '')])

    def test_the_harness(self) -> None:
        self.assertEqual(judged(HARNESS, exited(1)), [
            ('guard_regions.anon.basic', 'passed', ''),
            ('guard_regions.shmem.uffd', 'skipped', 'No userfaultfd'),
            ('global.sanity', 'failed', 'FAIL  global.sanity')])

    def test_directives_of_kselftest_come_before_the_name(self) -> None:
        text = ('1..5\nok 1 # SKIP hugetlb (2048 kB)\nok 2 # XFAIL fork() with hugetlb\n'
                'not ok 3 # error MADV_NOHUGEPAGE failed\nok 4 name # SKIP because\nok 5 # XPASS x')
        self.assertEqual([result[:2] for result in judged(text, exited(1))], [
            ('hugetlb', 'skipped'), ('fork() with hugetlb', 'xfailed'),
            ('MADV_NOHUGEPAGE failed', 'failed'), ('name', 'skipped'), ('x', 'passed')])
        self.assertEqual(judged(text, exited(1))[3][2], 'because')

    def test_a_failure_is_explained_by_the_comment_before_it(self) -> None:
        text = ('1..1\n# [RUN] ptrace write\n# write() failed: Input/output error\n'
                'not ok 1 write()\n')
        self.assertEqual(judged(text, exited(1)),
                         [('write()', 'failed', 'write() failed: Input/output error')])

    def test_colours_are_no_text(self) -> None:
        self.assertEqual(judged('1..1\n\x1b[32mok 1 green\x1b[0m\n', EXITED)[0][:2],
                         ('green', 'passed'))

    def test_names_that_contain_a_number_sign(self) -> None:
        self.assertEqual(judged('1..1\nok 1 process #2 is alive\n', EXITED),
                         [('process #2 is alive', 'passed', '')])

    def test_no_word_and_status_0(self) -> None:
        self.assertEqual(self.whole('', EXITED), ('passed', ''))
        self.assertEqual(self.whole('done\n', EXITED), ('passed', ''))

    def test_no_word_and_a_status(self) -> None:
        self.assertEqual(self.whole('', exited(1)), ('failed', 'ended with status 1'))
        self.assertEqual(self.whole('Usage: ...\n', exited(2)),
                         ('failed', 'ended with status 2: Usage: ...'))

    def test_a_program_that_does_not_exist(self) -> None:
        self.assertEqual(self.whole('/tests/x: No such file or directory\n', exited(127))[0],
                         'failed')

    def test_a_program_that_skips_itself(self) -> None:
        self.assertEqual(self.whole('TAP version 13\n1..0 # SKIP THP not available\n', exited(4)),
                         ('skipped', 'THP not available'))
        self.assertEqual(self.whole('uffd is not there\n', exited(4)),
                         ('skipped', 'uffd is not there'))

    def test_a_program_that_skips_its_rest(self) -> None:
        self.assertEqual([result[1] for result in judged(
            '1..9\nok 1 a\nok 2 # SKIP no more memory\n', exited(4))], ['passed', 'skipped'])

    def test_a_program_that_breaks_off(self) -> None:
        text = '1..98\nok 1 a\nok 2 b\nBail out! mmap: Cannot allocate memory (12)\n# Totals: x\n'
        self.assertEqual(self.whole(text, exited(1)), (
            'failed', 'ended with status 1 after 2 of 98 tests: mmap: Cannot allocate memory (12)'))

    def test_fewer_tests_than_planned_are_a_failure_even_with_status_0(self) -> None:
        self.assertEqual(self.whole('1..3\nok 1 a\n', EXITED)[0], 'failed')

    def test_a_status_without_a_failed_test(self) -> None:
        self.assertEqual(self.whole(PASSED, exited(1))[0], 'failed')

    def test_a_signal(self) -> None:
        self.assertEqual(self.whole('1..3\nok 1 a\n', Ending(guest.KILLED, 11)),
                         ('failed', 'killed by SIGSEGV after 1 of 3 tests'))
        self.assertEqual(self.whole(PASSED, Ending(guest.KILLED, 77))[1], 'killed by signal 77')

    def test_a_kernel_that_ended(self) -> None:
        for how, status in ((guest.DIED, 'crashed'), (guest.HUNG, 'hung'),
                            (guest.FLOODED, 'flooded'), (guest.FAILED, 'crashed')):
            with self.subTest(how):
                self.assertEqual(self.whole(PASSED, Ending(how, reason='why')), (status, 'why'))
                self.assertEqual(self.whole('1..3\nok 1 a\n', Ending(how, reason='why')),
                                 (status, 'why after 1 of 3 tests'))


class FakeGuest(unittest.TestCase):
    """A kernel that is fake_guest.py."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix='test-guest-'))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / 'own').mkdir()
        self.linux = self.folder / 'own' / 'linux'
        shutil.copy(HERE / 'fake_guest.py', self.linux)
        self.root = self.folder / 'root'
        self.root.mkdir()
        self.lines: List[str] = []

    def start(self, *program: str, seconds: float = 30, machine: Machine = Machine()) -> Guest:
        """A guest that runs a program."""
        return Guest(self.linux, machine, self.root, program, self.folder / 'own' / 'guest',
                     self.folder / 'log', seconds, self.lines.append)

    def ending(self, *program: str, seconds: float = 30) -> Ending:
        """How it ends; nothing may be left."""
        ending = guest.wait(self.start(*program, seconds=seconds))
        self.nothing_left()
        return ending

    def nothing_left(self) -> None:
        """No process, no file but logs."""
        self.assertEqual([path.name for path in (self.folder / 'own').iterdir()], ['linux'])
        for entry in Path('/proc').glob('[0-9]*/cmdline'):
            try:
                self.assertNotIn(str(self.linux).encode(), entry.read_bytes())
            except OSError:
                pass

    def says(self, name: str, text: str) -> str:
        """Let the program of that name print a text."""
        (self.folder / name).write_text(text, encoding='utf-8')
        return name


class Endings(FakeGuest):
    """What becomes of a guest."""

    def test_a_status(self) -> None:
        self.assertEqual(self.ending('exits_0'), Ending(guest.EXITED, 0))
        self.assertEqual(self.ending('exits_77'), Ending(guest.EXITED, 77))

    def test_the_programs_words_alone_are_passed_on(self) -> None:
        self.ending(self.says('prints', 'one\ntwo\n'))
        self.assertEqual([line for line in self.lines if line], ['one', 'two'])

    def test_a_signal(self) -> None:
        self.assertEqual(self.ending('segfaults'), Ending(guest.KILLED, 11))
        self.assertEqual(Ending(guest.KILLED, 11).title(), 'killed by SIGSEGV')

    def test_a_panic(self) -> None:
        ending = self.ending('panics')
        self.assertEqual((ending.how, ending.reason), (guest.DIED, 'ended by SIGABRT'))

    def test_a_hang(self) -> None:
        began = time.monotonic()
        with mock.patch.object(shutil, 'which', return_value=None):     # it asks no gdb
            ending = self.ending('hangs', seconds=1)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual((ending.how, ending.reason), (guest.HUNG, 'not over after 1 s'))

    def test_floods(self) -> None:
        with mock.patch.object(guest, '_LOG_LIMIT', 1 << 20), \
                mock.patch.object(guest, '_LIMITS', dataclasses.replace(guest._LIMITS,
                                                                        output=1 << 20)):
            for name in ('floods', 'kernel_floods'):
                self.assertEqual(self.ending(name).how, guest.FLOODED)
        for log in self.folder.glob('log*'):
            self.assertLess(log.stat().st_size, 64 << 20)

    def test_an_init_that_cannot_begin(self) -> None:
        self.assertEqual(self.ending('unmountable'),
                         Ending(guest.FAILED, reason='mount /mnt: No such device'))

    def test_a_process_that_stays(self) -> None:
        self.assertEqual(self.ending('leaves').how, guest.EXITED)

    def test_arguments_with_spaces(self) -> None:
        self.ending('echoes', '-x', 'two')
        self.assertIn('echoes -x two', self.lines)
        with self.assertRaisesRegex(cli.CannotTest, 'command line'):
            self.start('echoes', 'a "quoted" word')
        with self.assertRaisesRegex(cli.CannotTest, 'too many'):
            self.start('echoes', *['x'] * 31)
        self.nothing_left()

    def test_a_kernel_that_is_none(self) -> None:
        self.linux.chmod(0o644)
        ending = guest.wait(self.start('exits_0'))
        self.assertEqual(ending.how, guest.DIED)
        self.assertIn('Permission denied', ending.reason)

    def test_disks_are_there_and_go(self) -> None:
        booted = self.start('hangs', machine=Machine(swap='8M', ext4='16M'))
        with guest.running(booted):
            self.assertEqual(sorted(path.name for path in booted.folder.iterdir()),
                             ['ext4', 'swap'])
        self.nothing_left()


class Runs(FakeGuest):
    """From the list of programs to the table."""

    def build(self) -> Build:
        """The build that the fake stands for."""
        tree = Tree(paths.SRC, self.folder, '7.3.4', '', '', (), 0, 'abc')
        return Build(tree, Config('guest', (), (), ''), self.folder, self.linux, 'gcc 12.2', 0, 1,
                     0.0)

    def rows(self, *names: str, failed: Dict[str, str] = {}) -> Dict[str, Row]:
        """Run programs."""
        logs = self.folder / 'logs'
        logs.mkdir(exist_ok=True)
        run = Run(UserSpace(self.root, (), failed), logs, 2)
        programs = [Program(name, limit=2) for name in names]
        with mock.patch.object(guest, 'make_disk', return_value='/dev/null'), \
                mock.patch.object(shutil, 'which', return_value=None):
            found = run.run({'': self.build()}, programs)['']
        self.nothing_left()
        return {name: found[name] for name in names}

    def text(self, rows: Dict[str, Row], known: List[Expectation]) -> str:
        """The report."""
        selftests.expect(rows.values(), known)
        return selftestreport.text(rows, None, self.build(),
                                   selftests.stale(known, rows.values()), "TEST='@'", 'logs')

    def test_whatever_happens_is_a_row(self) -> None:
        self.says('passes', PASSED)
        self.says('fails_1', HARNESS)
        rows = self.rows('passes', 'fails_1', 'panics', 'hangs', 'segfaults', 'warns', 'unbuilt',
                         failed={'unbuilt': 'no numa.h'})
        self.assertEqual({name: [result.status for result in row.results]
                          for name, row in rows.items()}, {
            'passes': ['passed'] * 3, 'fails_1': ['passed', 'skipped', 'failed'],
            'panics': ['crashed', 'failed'], 'hangs': ['hung'], 'segfaults': ['failed'],
            'warns': ['passed', 'failed'], 'unbuilt': ['failed']})
        text = self.text(rows, [])
        for words in ('HUNG    hangs', 'not over after 2 s', 'Kernel panic', 'killed by SIGSEGV',
                      'WARNING: mm/vma.c:812', 'no numa.h', "again: TEST='warns'"):
            self.assertIn(words, text)
        for line in text.splitlines()[1:]:
            self.assertLessEqual(len(line), 100, line)

    def test_what_is_expected_does_not_fail_the_run(self) -> None:
        self.says('fails_1', HARNESS)
        rows = self.rows('fails_1')
        known = [Expectation('fails_*', 'failed', 'global.*', 'because', 1),
                 Expectation('fails_1', 'skipped', 'guard_regions.*', 'no uffd', 2)]
        text = self.text(rows, known)
        self.assertEqual(rows['fails_1'].unexpected, [])
        self.assertIn('1 passed, 0 failed, 1 skipped, 1 failed as expected', text)
        self.assertNotIn('STALE', text)

    def test_an_unexpected_skip_fails_the_run(self) -> None:
        self.says('fails_1', HARNESS)
        rows = self.rows('fails_1')
        self.text(rows, [Expectation('fails_1', 'failed', 'global.sanity', 'because', 1)])
        self.assertEqual([result.status for result in rows['fails_1'].unexpected], ['skipped'])

    def test_an_expectation_that_no_longer_holds_is_stale(self) -> None:
        self.says('passes', PASSED)
        rows = self.rows('passes')
        text = self.text(rows, [Expectation('passes', 'failed', 'first', 'because', 7),
                                Expectation('others', 'failed', 'first', 'did not run', 8)])
        self.assertIn('mm-selftests.expected:7: passes: failed first', text)
        self.assertNotIn(':8:', text)

    def test_files_for_programs(self) -> None:
        self.says('fails_1', HARNESS)
        rows = self.rows('fails_1', 'panics')
        rows['fails_1'].results.append(Result('\x00<&>', tap.FAILED, '\x1b[31m'))
        selftests.expect(rows.values(), [])
        root = xml.fromstring(selftestreport.junit(rows))
        self.assertEqual([suite.get('failures') for suite in root], ['3', '2'])
        facts = json.loads(json.dumps(selftestreport.facts(rows, rows, self.build(), [],
                                                           self.build())))
        self.assertEqual(facts['programs'][0]['name'], 'fails_1')
        self.assertEqual(facts['stock']['programs'][1]['ended'], 'died: ended by SIGABRT')
        self.assertEqual(facts['tests']['failed'], 4)


class Lists(unittest.TestCase):
    """The data files beside the tool."""

    def parse(self, text: str) -> List[Expectation]:
        """The expectations of a text."""
        with tempfile.NamedTemporaryFile('w', suffix='.expected') as file:
            file.write(text)
            file.flush()
            return selftests.expectations(Path(file.name))

    def test_ours_are_in_order(self) -> None:
        programs, left_out = selftests.listed()
        names = [program.name for program in programs]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(len({program.file for program in programs}), len(names))
        self.assertFalse({name.split()[0] for name in names} & set(left_out))
        for one in selftests.expectations():
            self.assertTrue(any(one.fits(name, Result(one.test, one.status)) for name in names),
                            f'line {one.line} is about no program')

    def test_every_program_of_upstreams_script_is_listed(self) -> None:
        script = paths.SRC / 'tools' / 'testing' / 'selftests' / 'mm' / 'run_vmtests.sh'
        if not script.exists():
            self.skipTest('linux/src is not there')
        programs, left_out = selftests.listed()
        known = {program.name.split()[0] for program in programs} | set(left_out)
        import re
        called = set(re.findall(r'run_test (?:bash )?\./([\w.-]+)',
                                script.read_text(encoding='utf-8')))
        self.assertGreater(len(called), 40)
        self.assertEqual(called - known, set())

    def test_words_ahead_of_a_program(self) -> None:
        with tempfile.NamedTemporaryFile('w') as file:
            file.write('# c\nlimit=9 memory=2G prog -x a=b\n\nnot run:\nother: the reason: so\n')
            file.flush()
            programs, left_out = selftests.listed(Path(file.name))
        self.assertEqual(programs, [Program('prog -x a=b', 9, '2G')])
        self.assertEqual(programs[0].words, ['/tests/prog', '-x', 'a=b'])
        self.assertEqual(left_out, {'other': 'the reason: so'})

    def test_expectations_that_make_no_sense(self) -> None:
        for text in ('    failed x -- y\n', 'p\n    failed x\n', 'p\n    wrong x -- y\n'):
            with self.assertRaisesRegex(cli.CannotTest, ':[12]: not of the form'):
                self.parse(text)
        self.assertEqual(self.parse('# c\np\n    failed [a] b -- c -- y\n')[0].test, '[a] b -- c')

    def test_programs_are_chosen_by_name_or_line(self) -> None:
        programs = [Program('a all:x'), Program('a -s 2'), Program('b')]
        self.assertEqual(selftests.chosen(programs, []), programs)
        self.assertEqual(selftests.chosen(programs, ['a']), programs[:2])
        self.assertEqual(selftests.chosen(programs, ['b', 'a -s*']), programs[1:])
        with self.assertRaisesRegex(cli.CannotTest, "no selftest 'c'; there is"):
            selftests.chosen(programs, ['c'])

    def test_the_configuration_is_for_user_space(self) -> None:
        self.assertNotIn('guest', configs.tested())
        names = [path.stem for path in configs.load('guest+debug').fragments]
        self.assertNotIn(configs.COMMON, names)
        self.assertIn('debug', names)


class BadInput(unittest.TestCase):
    """One line that says what is wrong, and status 2."""

    def check(self, tool: str, *options: str, says: str) -> None:
        """Run a verb that must refuse."""
        done = subprocess.run([str(TOOLS / tool), *options], check=False, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stderr.count('\n'), 1, done.stderr)

    def test_selftests(self) -> None:
        self.check('selftests', '--test=kugepaged', says="no selftest 'kugepaged'; there is khuge")
        self.check('selftests', '--config=fast', says='CONFIG=fast+guest')
        self.check('selftests', '--config=nothing', says="there is no 'nothing'")
        self.check('selftests', '--arch=vax', says='vax')
        self.check('selftests', '--timeout=0', says='above zero')

    def test_exec(self) -> None:
        self.check('exec', says='--prog')
        self.check('exec', '--prog=/no/where.c', says='does not exist')
        self.check('exec', '--prog=/', says='is a folder')
        self.check('exec', '--prog=/etc/passwd', says='neither a .c file')
        self.check('exec', '--prog=/bin/ls', says='not a static executable')
        script = f'--prog={HERE}/fake_guest.py'
        self.check('exec', script, '--config=fast', says='CONFIG=fast+guest')

    def test_a_static_executable_is_known(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / 'a.c'
            source.write_text('int main(void) { return 0; }\n')
            guest.compile_static([source], source.with_suffix(''))
            self.assertTrue(guest.is_static(source.with_suffix('')))
            self.assertFalse(guest.is_static(source))
            source.write_text('int main(void) { return x; }\n')
            with self.assertRaisesRegex(cli.CannotTest, 'error: .x. undeclared'):
                guest.compile_static([source], source.with_suffix(''))


if __name__ == '__main__':
    unittest.main()
