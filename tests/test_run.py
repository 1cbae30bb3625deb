#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tools/run without a kernel: golden logs, and a fake that hangs, floods, dies."""

import json
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Dict, List, Optional, Sequence
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'tools'))

from sandbox import boot, cli, kernel_log, paths, runreport, testrun, verdict  # noqa: E402
from sandbox.configs import Config  # noqa: E402
from sandbox.kbuild import Build  # noqa: E402
from sandbox.testrun import Options, Results, Run  # noqa: E402
from sandbox.tree import Tree  # noqa: E402

SUITES = {'alpha': ['one', 'two'], 'beta': ['one', 'two']}


class FakeKernel(unittest.TestCase):
    """A build folder whose kernel is fake_linux.py."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix='test-run-'))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / 'own').mkdir()
        self.logs = self.folder / 'logs'
        self.logs.mkdir()
        self.linux = self.folder / 'own' / 'linux'
        shutil.copy(HERE / 'fake_linux.py', self.linux)
        self.behave()

    def behave(self, do: Optional[Dict[str, str]] = None, log: str = '',
               suites: Optional[Dict[str, List[str]]] = None) -> None:
        """Say what the kernel does."""
        (self.folder / 'behaviour.json').write_text(json.dumps({
            'suites': suites or SUITES, 'do': do or {},
            'log': str(HERE / 'logs' / f'{log}.log') if log else ''}))

    def build(self) -> Build:
        """The build that the fake stands for."""
        tree = Tree(paths.SRC, self.folder, '7.3.4', '', '', (), 0, '')
        return Build(tree, Config('fast', (), (), ''), self.folder, self.linux, 'gcc 12.2', 0, 1,
                     0.0)

    def prepared(self, shuffle: Optional[int] = None, jobs: int = 2) -> Run:
        """A run with limits that a test can wait for."""
        run = Run(self.build(), Options(jobs=jobs, shuffle=shuffle), self.logs)
        run.limits = boot.Limits(silence=1.0, case=2.5, output=1 << 20)
        return run

    def results(self, *globs: str, shuffle: Optional[int] = None) -> Results:
        """Run everything, or what the globs say."""
        run = self.prepared(shuffle)
        results = run.run(run.select(globs or ['*']))
        self.assertEqual(self.processes(), [])
        self.assertEqual(sorted(path.name for path in self.linux.parent.iterdir()), ['linux'])
        return results

    def processes(self) -> List[str]:
        """Command lines that still name our kernel."""
        found = []
        for entry in Path('/proc').glob('[0-9]*/cmdline'):
            try:
                line = entry.read_bytes().replace(b'\0', b' ').decode()
            except OSError:
                continue
            if str(self.linux) in line:
                found.append(line)
        return found

    def statuses(self, results: Results) -> Dict[str, str]:
        """What became of each case."""
        return {f'{case.suite}.{case.name}': case.status for case in results.cases}

    def text(self, results: Results) -> str:
        """The report."""
        return runreport.text(results, self.build(), 'make run SUITE=@', 'logs')


PASS = {'alpha.one': 'passed', 'alpha.two': 'passed', 'beta.one': 'passed', 'beta.two': 'passed'}


class GoldenLogs(FakeKernel):
    """Every way in which a log can end."""

    def golden(self, log: str) -> Results:
        """Run a kernel that prints a golden log."""
        self.behave(log=log)
        return self.results()

    def check(self, log: str, two: str, message: str) -> Results:
        """A log in which alpha.two alone is not as it should be."""
        results = self.golden(log)
        statuses = self.statuses(results)
        self.assertEqual(statuses.pop('beta.two'), verdict.SKIPPED if len(results.boots) == 1
                         else verdict.PASSED)
        self.assertEqual(statuses, {'alpha.one': 'passed', 'alpha.two': two, 'beta.one': 'passed'})
        case = next(case for case in results.cases if case.bad)
        self.assertIn(message, case.message)
        self.assertFalse(results.held)
        self.assertIn('alpha: two', self.text(results))
        return results

    def test_a_log_in_which_all_passes(self) -> None:
        results = self.golden('pass')
        self.assertTrue(results.held)
        self.assertEqual(self.statuses(results), {**PASS, 'beta.two': 'skipped'})
        self.assertIn('3 passed, 0 failed, 1 skipped (no NUMA on UML)', self.text(results))

    def test_a_failed_expectation_is_shown_with_its_values(self) -> None:
        results = self.check('fail', 'failed', 'EXPECTATION FAILED at mm/tests/sandbox/vma/')
        self.assertIn('kunit-suites/vma/alpha_kunit.c:33', self.text(results))
        self.assertIn('1 + 1 == 2 (0x2)', self.text(results))
        self.assertIn('again: make run SUITE=alpha.two', self.text(results))

    def test_time_stamps_do_not_matter(self) -> None:
        self.check('stamps', 'failed', 'EXPECTATION FAILED')

    def test_a_panic_is_named_and_the_rest_runs(self) -> None:
        results = self.check('panic', 'crashed', 'Kernel panic - not syncing: on purpose')
        self.assertEqual(len(results.boots), 2)

    def test_a_panic_in_a_parameter_says_after_which(self) -> None:
        self.behave(log='panic-in-parameter')
        results = self.results()
        self.assertEqual(self.statuses(results), {**PASS, 'alpha.one': 'crashed'})
        self.assertIn('after parameter step_1', results.cases[0].message)

    def test_splats_fail_the_case_that_left_them(self) -> None:
        for log, message in (
                ('warning', 'WARNING: mm/vma.c:812'), ('lockdep', 'possible circular locking'),
                ('kasan', 'KASAN: slab-use-after-free'), ('rss-counter', 'Bad rss-counter'),
                ('atomic-sleep', 'sleeping function called')):
            with self.subTest(log):
                self.check(log, 'failed', message)

    def test_injected_failures_are_no_splat(self) -> None:
        self.assertTrue(self.golden('fault-injection').held)

    def test_splats_outside_cases_are_failures_of_their_own(self) -> None:
        for log, where in (('warning-before-tests', 'before the first test'),
                           ('warning-after-tests', 'after the last test'),
                           ('warning-outside-cases', 'alpha, outside its cases')):
            with self.subTest(log):
                results = self.golden(log)
                self.assertEqual(len(results.problems), 1)
                self.assertIn(where, results.problems[0].where)
                self.assertFalse(results.held)
                self.assertIn(where, self.text(results))
                self.assertEqual(results.count('failed'), 0)

    def test_a_death_before_the_first_test(self) -> None:
        results = self.golden('panic-before-tests')
        self.assertIn('before the first test', results.problems[0].where)
        self.assertIn('Unable to mount root fs', results.problems[0].message)
        self.assertEqual(results.count(verdict.NOT_RUN), 4)

    def test_a_death_after_the_last_test(self) -> None:
        results = self.golden('panic-at-halt')
        self.assertEqual(results.count('passed'), 3)
        self.assertIn('after the last test', results.problems[0].where)
        self.assertFalse(results.held)

    def test_a_death_between_suites_costs_the_next_one(self) -> None:
        results = self.golden('panic-between-suites')
        self.assertIn('beta, before its first case', results.problems[0].where)
        self.assertEqual(results.count('passed'), 2)
        self.assertEqual(results.count(verdict.NOT_RUN), 2)

    def test_a_log_that_breaks_off(self) -> None:
        self.behave(log='truncated')
        results = self.results()
        self.assertIn('crashed', self.statuses(results).values())
        self.assertFalse(results.held)

    def test_a_kernel_without_tests(self) -> None:
        results = self.golden('no-ktap')
        self.assertFalse(results.held)
        self.assertEqual(results.count(verdict.NOT_RUN), 4)

    def test_a_skipped_suite_counts_its_cases(self) -> None:
        results = self.golden('skipped-suite')
        self.assertTrue(results.held)
        self.assertEqual(results.count('skipped'), 2)

    def test_a_failed_suite_init_fails_its_cases(self) -> None:
        results = self.golden('suite-init-failed')
        self.assertEqual(results.count('failed'), 2)


class Misbehaviour(FakeKernel):
    """A kernel that does not end by itself."""

    def broken(self, how: str, status: str) -> Results:
        """alpha.one goes wrong, the others must have their results."""
        self.behave(do={'alpha.one': how})
        results = self.results()
        self.assertEqual(self.statuses(results), {**PASS, 'alpha.one': status})
        return results

    def test_each_way_to_go_wrong_is_named(self) -> None:
        for how, status in (('panic', 'crashed'), ('exit', 'crashed'), ('hang', 'hung'),
                            ('deaf', 'hung'), ('child', 'hung'), ('flood', 'flooded'),
                            ('drip', 'hung'), ('splat', 'failed')):
            with self.subTest(how):
                self.broken(how, status)

    def test_a_flood_stays_small(self) -> None:
        self.broken('flood', 'flooded')
        self.assertLess(sum(log.stat().st_size for log in self.logs.iterdir()), 4 << 20)

    def test_many_broken_cases_each_get_their_name(self) -> None:
        self.behave(do={'alpha.one': 'panic', 'alpha.two': 'exit', 'beta.two': 'panic'})
        self.assertEqual(self.statuses(self.results()), {
            'alpha.one': 'crashed', 'alpha.two': 'crashed', 'beta.one': 'passed',
            'beta.two': 'crashed'})

    def test_a_suite_that_only_hangs_is_given_up(self) -> None:
        cases = [f'case_{number}' for number in range(6)]
        self.behave(suites={'alpha': cases, 'beta': ['one']},
                    do={f'alpha.{case}': 'hang' for case in cases})
        results = self.results()
        self.assertEqual(results.count('hung'), 3)
        self.assertEqual(results.count(verdict.NOT_RUN), 3)
        self.assertEqual(len(results.boots), 4)
        self.assertEqual(results.count('passed'), 1)

    def test_shuffled_runs_name_the_right_case(self) -> None:
        self.behave(do={'beta.one': 'panic'})
        for seed in (1, 2, 3):
            self.assertEqual(self.statuses(self.results(shuffle=seed)),
                             {**PASS, 'beta.one': 'crashed'})

    def test_an_interrupt_leaves_nothing(self) -> None:
        self.behave(do={'alpha.one': 'child'})
        run = self.prepared()
        plans = run.select(['*'])
        with mock.patch.object(boot.Boot, 'overdue', side_effect=[False, KeyboardInterrupt]):
            with self.assertRaises(KeyboardInterrupt):
                run.run(plans)
        self.assertEqual(self.processes(), [])
        self.assertEqual([path.name for path in self.linux.parent.iterdir()], ['linux'])

    def test_a_kernel_that_cannot_list_its_tests(self) -> None:
        self.linux.write_text('#!/bin/sh\necho "Kernel panic - not syncing: early"\nexit 1\n')
        with self.assertRaisesRegex(cli.CannotTest, 'does not come up.*early'):
            self.prepared()


class Selection(FakeKernel):
    """SUITE= to boots."""

    def test_globs_cover_what_is_wanted_and_nothing_else(self) -> None:
        universe = ['vma_merge', 'vma_split', 'vm', 'collapse', 'col', 'zap']
        for wanted in (['vma_merge', 'vma_split'], ['vm'], ['col'], ['collapse', 'zap'], universe):
            globs = testrun.cover(universe, wanted)
            self.assertEqual([name for name in universe
                              if any(testrun.matches(glob, (name, '')) for glob in globs)],
                             [name for name in universe if name in wanted])
        self.assertEqual(testrun.cover(universe, universe), ['*'])
        numbered = [f'case_{number}' for number in range(8)]
        self.assertEqual(testrun.cover(numbered, numbered[3:]), ['case_[34567]*'])
        self.assertEqual(testrun.cover(universe, ['vma_merge', 'vma_split']), ['vma*'])

    def test_one_boot_spread_over_several(self) -> None:
        suites = {'alpha': ['one'], 'beta': ['one', 'two', 'three'], 'atom': ['one']}
        self.behave(suites=suites)
        run = self.prepared()
        whole = testrun.Plan('*', run.inventory)
        parts = testrun.spread([whole], run.inventory, 2)
        self.assertEqual([part.glob for part in parts], ['b*', 'a*'])
        self.assertEqual(sorted(name for part in parts for name in part.expected),
                         sorted(run.inventory))
        self.assertEqual(testrun.spread([whole], run.inventory, 1), [whole])
        self.assertEqual(testrun.spread(parts, run.inventory, 2), parts)
        mixed = testrun.Plan('?????', [name for name in run.inventory if name[0] != 'atom'])
        self.assertEqual(len(testrun.spread([mixed], run.inventory, 2)), 2)
        self.assertEqual({name for part in testrun.spread([mixed], run.inventory, 2)
                          for name in run.inventory if testrun.matches(part.glob, name)},
                         set(mixed.expected))

    def test_a_glob_is_one_boot(self) -> None:
        run = self.prepared()
        self.assertEqual([plan.glob for plan in run.select(['a*'])], ['a*'])
        self.assertEqual([plan.glob for plan in run.select(['*.one'])], ['*.one'])

    def test_globs_that_overlap_run_each_case_once(self) -> None:
        run = self.prepared()
        plans = run.select(['alpha', 'alpha.one', 'beta.t*'])
        names = [name for plan in plans for name in plan.expected]
        self.assertEqual(sorted(names), [('alpha', 'one'), ('alpha', 'two'), ('beta', 'two')])

    def test_an_unknown_suite_names_its_neighbours(self) -> None:
        run = self.prepared()
        with self.assertRaisesRegex(cli.CannotTest, "'alhpa'; there is alpha"):
            run.select(['alhpa'])
        with self.assertRaisesRegex(cli.CannotTest, 'alpha.one'):
            run.select(['alpha.on'])

    def test_our_suites_are_the_default(self) -> None:
        run = self.prepared()
        with mock.patch.object(testrun, 'our_suites', return_value={'beta', 'elsewhere'}):
            self.assertEqual([plan.glob for plan in run.select([])], ['b*'])

    def test_the_list_is_asked_for_once_a_kernel(self) -> None:
        self.prepared()
        with mock.patch.object(testrun, '_listed', side_effect=AssertionError):
            self.assertEqual(len(self.prepared().inventory), 4)


class Reports(FakeKernel):
    """What is written."""

    def test_json_has_what_others_rely_on(self) -> None:
        self.behave(log='fail')
        facts = json.loads(json.dumps(runreport.facts(self.results(), self.build())))
        tests = facts['tests']
        self.assertEqual([tests[name] for name in ('passed', 'failed', 'skipped', 'crashed')],
                         [2, 1, 1, 0])
        self.assertEqual(tests['cases'][1]['name'], 'alpha.two')
        self.assertEqual(facts['config'], 'fast')

    def test_junit_is_xml_and_holds_the_failures(self) -> None:
        self.behave(do={'alpha.one': 'panic'}, log='')
        results = self.results()
        results.cases[0].log.append('\x00\x1b[31m<&>')
        root = xml.fromstring(runreport.junit(results))
        self.assertEqual([failure.get('type') for failure in root.iter('failure')], ['crashed'])
        self.assertEqual(len(list(root.iter('testcase'))), 4)

    def test_lines_fit_the_screen(self) -> None:
        for log in ('pass', 'fail', 'panic', 'kasan'):
            self.behave(log=log)
            for line in self.text(self.results()).splitlines()[1:]:
                self.assertLessEqual(len(line), 100, line)


class Places(unittest.TestCase):
    """Addresses of code to functions and lines."""

    def decoded(self, *flags: str, split: bool) -> str:
        """What is made of an address in a program compiled with these flags."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / 'p.c').write_text('int f(void)\n{\n\treturn 7;\n}\n'
                                        'int main(void) { return f(); }\n')
            subprocess.run(['gcc', *flags, '-no-pie', '-c', '-o', 'p.o', f'{folder}/p.c'],
                           cwd=folder, check=True)
            subprocess.run(['gcc', '-no-pie', '-Wl,-Ttext-segment=0x60000000', '-o', 'p', 'p.o'],
                           cwd=folder, check=True)
            symbols = subprocess.run(['nm', 'p'], cwd=folder, check=True, text=True,
                                     stdout=subprocess.PIPE).stdout
            place, = [line.split()[0] for line in symbols.splitlines() if line.endswith(' T f')]
            return kernel_log.decode([f' [<{place[-8:]}>] ? 0x{place}', 'no address'],
                                     folder / 'p', folder, split)[0]

    def test_with_and_without_debug_information(self) -> None:
        self.assertEqual(self.decoded(split=False), ' ? f')
        self.assertEqual(self.decoded('-g', split=False), ' ? f (p.c:2)')

    @unittest.skipUnless(shutil.which('gdb'), 'gdb is not installed')
    def test_debug_information_beside_the_objects(self) -> None:
        self.assertEqual(self.decoded('-g', '-gsplit-dwarf', split=True), ' ? f (p.c:2)')
        self.assertEqual(self.decoded(split=True), ' ? f')


class Splats(unittest.TestCase):
    """The log scanner by itself."""

    def kinds(self, text: str) -> Sequence[str]:
        """What it finds in a text."""
        return [splat.kind for splat in kernel_log.scan(text.splitlines())]

    def test_what_tests_print_is_no_splat(self) -> None:
        self.assertEqual(self.kinds('    # one: WARNING: this is a message\n# BUG: so is this\n'
                                    'Warning: unable to open an initial console.\n'), [])

    def test_a_panic_belongs_to_the_bug_before_it(self) -> None:
        self.assertEqual(self.kinds('kernel BUG at mm/vma.c:1!\nKernel panic - not syncing: BUG!'),
                         ['BUG'])

    def test_where_a_hung_kernel_waits(self) -> None:
        running = ['Backtrace from the host:', '#0  0x0000000060123 in loops ()',
                   '#1  0x0000000060124 in kunit_try_run_case ()']
        waiting = ['task:swapper         state:D stack:0', 'Call Trace:', ' ? kthreadd',
                   'task:kunit_try_catch state:D stack:0     pid:19', 'Stack:',
                   ' 6031e4c8 a0893e50', 'Call Trace:', ' ? __schedule',
                   ' rwsem_down_write_slowpath', ' ? ktime_get', ' down_write',
                   ' case_that_waits (mm/tests/x.c:12)', ' ? kunit_try_run_case', '']
        idle = ['#0  0x0000000060123 in os_idle_sleep ()']
        self.assertEqual(kernel_log.waited(running), '; it was in loops < kunit_try_run_case')
        self.assertEqual(kernel_log.waited([*waiting, *idle]),
                         '; it waits in down_write < case_that_waits')
        self.assertEqual(kernel_log.waited(idle), '')

    def test_the_kinds(self) -> None:
        for line, kind in (
                ('rcu: INFO: rcu_sched self-detected stall on CPU', 'RCU'),
                ('INFO: task kunit_try_catch:21 blocked for more than 30 seconds.', 'hung task'),
                ('UBSAN: array-index-out-of-bounds in mm/vma.c:3:2', 'UBSAN'),
                ('BUG kmalloc-64 (Tainted: G    B): Poison overwritten', 'SLUB'),
                ('BUG: Bad page state in process kunit_try_catch  pfn:0123', 'page'),
                ('WARNING: suspicious RCU usage', 'lockdep'),
                ('WARNING: bad unlock balance detected!', 'lockdep'),
                ('unreferenced object 0x60b86000 (size 8192):', 'kmemleak'),
                ('BUG: kernel NULL pointer dereference, address: 0', 'BUG'),
                ('WARNING: mm/vma.c:812 at vma_merge+0x1/0x2', 'WARNING')):
            self.assertEqual(self.kinds(line), [kind], line)
            self.assertEqual(self.kinds(f'[    1.234567] {line}'), [kind])


if __name__ == '__main__':
    unittest.main()
