#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tools/review on a small kernel: series that mimic real ones, and broken input."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, ContextManager, Dict, List, Tuple
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools'), str(ROOT / 'tests')]

import small_kernel  # noqa: E402
from fake_kernel import sh, write  # noqa: E402
from sandbox import borrowed, cli, kbuild, paths, provision, testrun  # noqa: E402
from small_kernel import FILES, HEADER, VMA  # noqa: E402


def verb() -> Any:
    """tools/review as a module."""
    loader = importlib.machinery.SourceFileLoader('review_verb', str(ROOT / 'tools/review'))
    spec = importlib.util.spec_from_loader('review_verb', loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, 'dont_write_bytecode', True):
        loader.exec_module(module)
    return module


class Review(unittest.TestCase):
    """One tree; each test commits a series to it."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix='review '.strip()))
        self.addCleanup(shutil.rmtree, self.folder)
        self.src = self.folder / 'linux'
        small_kernel.make(self.src)
        (self.folder / 'suites' / 'area').mkdir(parents=True)
        self.before = sh('git', 'rev-parse', 'HEAD', cwd=self.src).strip()

    def commit(self, message: str, **files: str) -> None:
        """A patch; names have '_' for '/' and end in the suffix after '__'."""
        write(self.src, {name.replace('__', '.').replace('_', '/'): text
                         for name, text in files.items()})
        small_kernel.commit(self.src, message)

    def run_verb(self, *arguments: str, stdin: bytes = b'') -> Tuple[int, str]:
        """The status and what was printed."""
        said, replaced = io.StringIO(), io.TextIOWrapper(io.BytesIO(stdin))
        patches: List[ContextManager[Any]] = [
            mock.patch.object(provision, 'tree', lambda *_, **__: small_kernel.tree(self.src)),
            mock.patch.object(kbuild, 'build', small_kernel.build),
            mock.patch.object(borrowed, 'WORKTREES', self.folder / 'worktrees'),
            mock.patch.object(paths, 'REPORTS', self.folder / 'reports'),
            mock.patch.object(paths, 'SUITES', self.folder / 'suites'),
            mock.patch.object(paths, 'ROOT', self.folder),
            mock.patch('sandbox.measure.DEFAULT', self.folder / 'suites' / 'coverage-files'),
            mock.patch.object(testrun, 'our_suites', lambda: {'area'}),
            mock.patch.object(sys, 'stdin', replaced)]
        write(self.folder / 'suites', {'coverage-files': 'mm/vma.c\n'})
        shutil.rmtree(self.folder / 'reports', ignore_errors=True)  # named by second and process
        with contextlib.ExitStack() as stack:
            for one in patches:
                stack.enter_context(one)
            stack.enter_context(contextlib.redirect_stdout(said))
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            status = verb().main(arguments)
        self.assertTrue(all(len(line) <= 80 for line in said.getvalue().splitlines()
                            if not line.startswith('[')), said.getvalue())
        return status, said.getvalue()

    def review(self, *arguments: str) -> Tuple[int, str, Dict[str, Any]]:
        """A review of what was committed: status, text and report.json."""
        status, said = self.run_verb(f'--range={self.before}..HEAD', *arguments)
        return status, said, self.facts()

    def facts(self) -> Dict[str, Any]:
        path = self.folder / 'reports/review/latest/report.json'
        facts: Dict[str, Any] = json.loads(path.read_text())
        return facts

    def classes(self, patch: Dict[str, Any], path: str) -> Dict[int, str]:
        """The classes of a patch's lines in a file, without those of no code."""
        return {int(line): said['class'] for line, said in patch['files'].get(path, {}).items()
                if said['class'] != 'no-code'}

    # Real ones.

    def test_configuration_without_counters(self) -> None:
        """Its lines would all look as if gcc had left nothing of them."""
        self.commit('mm: nothing\n\nBecause.', mm_vma__c=VMA.replace('-pages', '0 - pages'))
        with self.assertRaisesRegex(cli.CannotTest, 'CONFIG=fast does not count .*CONFIG_GCOV'):
            self.run_verb(f'--range={self.before}..HEAD', '--tip', '--config=coverage,fast')

    def test_crash(self) -> None:
        """The case that crashed is named, and that what it executed is not counted."""
        self.commit('mm: crash\n\nBecause.', mm_vma__c=VMA.replace('''\
    if (pages > 2)
''', '''\
    if (pages == 50)
        __builtin_trap();
    if (pages > 2)
'''))
        self.assertNotIn('was not looked at', self.review()[1])
        status, said, facts = self.review('--tip')
        self.assertEqual(status, cli.FAILED, said)
        self.assertIn('fail without the patches, too, was not looked at', said)
        self.assertEqual([one['case'] for one in facts['tests']['failures']], ['area.two'])
        self.assertEqual((facts['tests']['passed'], facts['tests']['crashed']), (2, 1))
        self.assertEqual(len(facts['lost']), 1)
        mail = (self.folder / 'reports/review/latest/report.txt').read_text()
        for text in said, mail:
            self.assertRegex(' '.join(text.split()), r'(?i)not counted is what these executed, for '
                             r'they did not come to their end: area\.two')
            self.assertIn('area.two', text)
            self.assertNotRegex(text, r'no test gets here$|never (true|false)$')
        lines = facts['patches'][0]['files']['mm/vma.c']
        self.assertEqual((lines['5']['class'], lines['5']['reason']),
                         ('partial', 'never true, unless in area.two, which crashed'))
        self.assertIn('never true, as far as known: if (pages == 50)', mail)

    def test_lines_tests_and_outcomes(self) -> None:
        """One patch: classes, who ran which line, and all the files of the report."""
        self.commit('mm: limit more\n\nBecause.', mm_vma__c=VMA.replace('''\
    return pages;
''', '''\
    if (pages == 1)
        return 1;
    if (pages < 0)
        return 0;
    return pages;
'''))
        status, said, facts = self.review()
        self.assertEqual(status, cli.HELD, said)
        patch = facts['patches'][0]
        self.assertEqual(self.classes(patch, 'mm/vma.c'), {
            7: 'partial', 8: 'optimised-out', 9: 'uncovered', 10: 'uncovered'})
        lines = patch['files']['mm/vma.c']
        self.assertEqual(lines['7']['tests'], ['area.one'])
        self.assertEqual((patch['builds'], patch['warnings'], patch['tests']['passed']),
                         (True, [], 3))
        self.assertEqual(facts['mode'], 'stepwise')
        self.assertRegex(said, r'\n1  mm: limit more +ok +0 +3/3 ')
        self.assertRegex(said, r'\n  1 mm/vma.c:\d+.*no test gets here')
        report = self.folder / 'reports/review/latest'
        mail = (report / 'report.txt').read_text()
        self.assertLess(len(mail.splitlines()), 40)
        self.assertTrue(all(len(line) <= 72 for line in mail.splitlines()), mail)
        self.assertIn('3 KUnit cases pass', ' '.join(mail.split()))
        page = (report / 'index.html').read_text()
        self.assertIn('id="p1-mm-vma.c-7"', page)
        self.assertNotIn('http', page)
        info = (report / 'change.info').read_text()
        self.assertIn('DA:7,1\n', info)
        self.assertNotIn('DA:3,', info)
        self.assertIn('DA:3,', (report / 'coverage.info').read_text())

    def test_two_configurations(self) -> None:
        """What one of them compiles is compiled, and it is said where a line was executed."""
        self.commit('mm: on both\n\nBecause.', mm_vma__c=VMA.replace('    return -pages', '''\
#ifdef CONFIG_SMP
    if (pages == 3)
        return mapped(-2) - 1;
#endif
#ifdef CONFIG_NUMA
    pages += 1;
#endif
    return 0 - pages'''))
        status, said, facts = self.review('--tip', '--config=coverage,coverage+smp')
        self.assertEqual(status, cli.HELD, said)
        lines = facts['patches'][0]['files']['mm/vma.c'].values()
        self.assertEqual([(line['class'], line.get('config')) for line in lines], [
            ('no-code', None), ('partial', ['coverage+smp']), ('covered', ['coverage+smp']),
            ('no-code', None), ('no-code', None), ('not-compiled', None), ('no-code', None),
            ('covered', ['coverage'])])
        self.assertEqual([line['reason'] for line in lines if 'reason' in line],
                         ['never false', 'needs CONFIG_NUMA'])
        self.assertEqual((facts['config'], facts['tests']['passed']),
                         (['coverage', 'coverage+smp'], 6))
        mail = (self.folder / 'reports/review/latest/report.txt').read_text()
        self.assertIn('gcc 12.2: 6 KUnit cases in 2 configurations pass.',
                      ' '.join(mail.split()))

    def test_moved_code(self) -> None:
        """A refactoring: the moved lines are the patch's, and said to be moved."""
        moved = VMA[VMA.index('int unmapped'):]
        text = VMA.replace(moved, '').replace('int mapped', f'{moved}\nint mapped')
        self.commit('mm: move unmapped()', mm_vma__c=text)
        status, _, facts = self.review()
        self.assertEqual(status, cli.HELD)
        lines = facts['patches'][0]['files']['mm/vma.c']
        self.assertTrue(any(line.get('moved') for line in lines.values()))
        self.assertEqual(set(self.classes(facts['patches'][0], 'mm/vma.c').values()), {'covered'})
        self.assertEqual(facts['patches'][0]['size']['before'],
                         facts['patches'][0]['size']['after'])

    def test_broken_in_the_middle(self) -> None:
        """Patch 1 breaks a test, 2 does not build, 3 mends both; each is said of its patch."""
        self.commit('mm: one', mm_vma__c=VMA.replace('return -pages', 'return pages'))
        self.commit('mm: two', mm_vma__c=VMA.replace('return -pages', 'return -page'))
        self.commit('mm: three', mm_vma__c=VMA.replace('return -pages', 'return 0 - pages'))
        status, said, facts = self.review()
        self.assertEqual(status, cli.FAILED, said)
        one, two, three = facts['patches']
        self.assertEqual([patch['builds'] for patch in facts['patches']], [True, False, True])
        self.assertIn("mm/vma.c:12:13: error: 'page' undeclared", two['error'])
        self.assertEqual((one['tests']['failures'], two['tests'], three['tests']['failures']),
                         (['area.three'], None, []))
        self.assertEqual([(fail['case'], fail['since'], fail['mended'])
                          for fail in facts['failures']], [('area.three', 1, 3)])
        self.assertIn('1 FAILS area.three, mended by 3', said)
        self.assertRegex(said, r'\n2  mm: two +FAILS')
        # The lines belong to the last patch; what it wrote over is nobody's.
        self.assertEqual(self.classes(three, 'mm/vma.c'), {12: 'covered'})
        self.assertEqual(one['files'], {})

    def test_failing_before(self) -> None:
        """A case that fails at the base is nobody's fault, and nobody says that it passes."""
        self.commit('mm: base', mm_vma__c=VMA.replace('return -pages', 'return pages').replace(
            'pages > 2', 'pages > 0'), mm_vma__h=HEADER.replace('100', '9'))
        self.before = sh('git', 'rev-parse', 'HEAD', cwd=self.src).strip()
        self.commit('mm: one', mm_other__c=FILES['mm/other.c'].replace('+ 1', '+ 2'))
        self.commit('mm: two', mm_vma__c=VMA)
        status, said, _ = self.review()
        mail = (self.folder / 'reports/review/latest/report.txt').read_text()
        self.assertNotIn('at each of the patches', ' '.join(mail.split()))
        for text in said, mail:
            self.assertRegex(text, r'(?i)fail before the patches, too: area\.two\n')
            self.assertRegex(text, r'(?i)before the patches, and pass with them: area\.three\n')
        self.assertEqual(status, cli.FAILED)

    def test_the_last_does_not_build(self) -> None:
        """A report all the same: what is known of the patches before, and no coverage."""
        self.commit('mm: one', mm_vma__c=VMA.replace('return -pages', 'return 0 - pages'))
        self.commit('mm: two', mm_vma__c=VMA.replace('return -pages', 'return -page'))
        for arguments in ((), ('--tip',), ('--fail-under=lines=1',)):
            status, said, facts = self.review(*arguments)
            self.assertEqual(status, cli.FAILED, said)
            self.assertIn('2 does not build: mm/vma.c:12:13: error:', said)
            self.assertRegex(said, r'\n2  mm: two +FAILS +[-\d] +- +not measured')
            self.assertEqual((facts['measured'], facts['patches'][1]['builds']), (False, False))
        self.assertEqual(facts['patches'][0]['tests']['passed'], 3)
        mail = (self.folder / 'reports/review/latest/report.txt').read_text()
        self.assertIn('Coverage was not measured.', mail)
        _, said = self.run_verb(f'--range={self.before}..HEAD', '--b4')
        self.assertEqual([one['status'] for one in json.loads(said)], ['fail'] * 3)

    def test_a_kernel_that_does_not_boot(self) -> None:
        """That is the patch's failure, not the tool's."""
        self.commit('mm: dies', mm_vma__c=VMA.replace(
            'int mapped', '__attribute__((constructor)) static void f(void) '
            '{ __builtin_trap(); }\nint mapped', 1))
        self.commit('mm: lives', mm_vma__c=VMA)
        status, said, facts = self.review()
        self.assertEqual(status, cli.FAILED, said)
        self.assertEqual([(one['case'], one['since'], one['mended']) for one in facts['failures']],
                         [('the boot', 1, 2)])
        self.assertIn('1 FAILS the boot, mended by 2', said)
        self.before = sh('git', 'rev-parse', 'HEAD~2', cwd=self.src).strip()
        status, said = self.run_verb(f'--range={self.before}..HEAD~1')
        self.assertEqual(status, cli.FAILED, said)
        self.assertIn('1 FAILS the boot', said)

    def test_headers_kconfig_and_another_architecture(self) -> None:
        """What is not compiled is named with the option or architecture; documents have no code."""
        self.commit('mm: everywhere', mm_vma__h=HEADER.replace(
            'return pages >', 'pages += 0;\n    return pages >') + '''\
#ifdef CONFIG_NUMA
static inline int node(int a)
{
    return a + 1;
}
#endif
static inline int nobody(int a)
{
    return a + 2;
}
''', mm_Kconfig='config X\n\tbool\n', mm_numa__c='int numa;\nint numb(void) { return 1; }\n',
                    arch_arm64_mm_fault__c='int fault;\nint faulty(void) { return 1; }\n')
        status, said, facts = self.review()
        self.assertEqual(status, cli.HELD, said)
        files = facts['patches'][0]['files']
        told = {(path, line['class'], line.get('reason', '')) for path, lines in files.items()
                for line in lines.values() if line['class'] != 'no-code'}
        self.assertIn(('mm/numa.c', 'not-compiled', 'needs CONFIG_NUMA'), told)
        self.assertIn(('arch/arm64/mm/fault.c', 'not-compiled', 'architecture arm64'), told)
        self.assertIn(('mm/vma.h', 'not-compiled', 'needs CONFIG_NUMA'), told)
        self.assertTrue(any(path == 'mm/vma.h' and kind == 'optimised-out' and 'nobody()' in why
                            for path, kind, why in told), told)
        self.assertEqual({line['class'] for line in files['mm/Kconfig'].values()}, {'no-code'})
        self.assertEqual(facts['headers'], {'mm/vma.h': {'measured': 2, 'objects': 3}})

    def test_code_changed_through_a_header(self) -> None:
        """Functions whose text is the same and whose code is not are named."""
        self.commit('mm: another limit', mm_vma__h=HEADER.replace('100', '90'))
        _, said, facts = self.review()
        functions = facts['patches'][0]['functions']
        self.assertEqual(functions['changed'], ['limit'])
        self.assertEqual(functions['indirect'], ['mapped', 'other'])
        self.assertIn('1 changes the code of mapped, other, not the text', said)
        line = facts['patches'][0]['files']['mm/vma.h']['5']
        self.assertEqual((line['class'], line['tests']), ('covered', ['area.two']))

    def test_new_warning_and_checkpatch(self) -> None:
        """Warnings count when they are new in a touched file."""
        self.commit('mm: warned', mm_vma__c=VMA.replace('    return -pages', '    int a;\n'
                                                        '    return -pages'))
        self.commit('mm: very long', mm_vma__c=VMA.replace(
            '    return -pages', '\n    int a;\n    return -pages'))
        _, said, facts = self.review()
        one, two = facts['patches']
        self.assertEqual([(warning['file'], warning['line']) for warning in one['warnings']],
                         [('mm/vma.c', 12)])
        self.assertEqual(two['warnings'], [])
        self.assertEqual(two['checkpatch'], ['WARNING:LONG: too long'])
        self.assertIn("new warning mm/vma.c:12", said)

    def test_full(self) -> None:
        """FULL=1: lines that a later patch writes over have been measured, too."""
        self.commit('mm: one', mm_vma__c=VMA.replace('return -pages', 'return 0 - pages'))
        self.commit('mm: two', mm_vma__c=VMA.replace('return -pages', 'return 1 - pages - 1'))
        _, _, facts = self.review('--full=1')
        self.assertEqual(facts['mode'], 'full')
        self.assertEqual([self.classes(patch, 'mm/vma.c') for patch in facts['patches']],
                         [{12: 'covered'}, {12: 'covered'}])

    def test_full_tells_what_broke_off_before(self) -> None:
        """Of a patch that another mends, too, it is said that its figures are not whole."""
        self.commit('mm: one', mm_vma__c=VMA.replace(
            '    return pages;',
            '    if (pages == 1)\n        __builtin_trap();\n    return pages;'))
        self.commit('mm: two', mm_vma__c=VMA.replace('return -pages', 'return 0 - pages'))
        _, said, facts = self.review('--full=1')
        lost, = facts['lost']
        self.assertRegex(lost, 'at patch 1: not counted is what these executed.*: area.one')
        self.assertIn('unless in area.one', facts['patches'][0]['files']['mm/vma.c']['7']['reason'])

    def test_full_shows_each_patch_as_it_is(self) -> None:
        """Lines have number and text of their patch; the checkout ends at the last one."""
        one = VMA.replace('    return -pages', '    if (pages < 0)\n        return 9;\n'
                                               '    return -pages')
        self.commit('mm: one', mm_vma__c=one)
        self.commit('mm: two', mm_vma__c=one.replace(
            '    if (pages > 2)', '    if (pages == 7)\n        pages = 8;\n    if (pages > 2)'))
        _, said, _ = self.review('--full=1')
        self.assertRegex(said, r'\n  1 mm/vma.c:12  if \(pages < 0\)  .*\n')
        self.assertRegex(said, r'\n  2 mm/vma.c:5  if \(pages == 7\)  .*\n')
        here, = (self.folder / 'worktrees').glob('review-*/src')
        self.assertIn('pages == 7', (here / 'mm/vma.c').read_text())

    def test_gate(self) -> None:
        """A share that is missed fails; a change without code passes."""
        self.commit('mm: gap', mm_vma__c=VMA.replace('    return -pages', '    if (pages < 0)\n'
                                                     '        return 0;\n    return -pages'))
        self.assertEqual(self.review('--tip', '--fail-under=lines=30')[0], cli.HELD)
        status, said, _ = self.review('--tip', '--fail-under=lines=99,branches=99')
        self.assertEqual(status, cli.FAILED)
        self.assertRegex(said, r'FAIL-UNDER branches: 1 of 2 covered .*, 99 % wanted')
        self.before = sh('git', 'rev-parse', 'HEAD', cwd=self.src).strip()
        self.commit('Documentation', Documentation_x__rst='words\n')
        self.assertEqual(self.review('--tip', '--fail-under=lines=100,branches=100')[0], cli.HELD)

    def test_reasons(self) -> None:
        """A recorded reason takes a line out of the figures."""
        self.commit('mm: gap', mm_vma__c=VMA.replace('    return -pages', '    if (pages < -9)\n'
                                                     '        return mapped(9);\n'
                                                     '    return -pages'))
        write(self.folder / 'suites', {'area/uncovered': 'mm/vma.c: unmapped\n'
                                       '\treturn mapped(9); -- cannot be\n'})
        _, _, facts = self.review('--tip')
        lines = facts['patches'][0]['files']['mm/vma.c']
        self.assertIn('cannot be', [line.get('reason') for line in lines.values()
                                    if line['class'] == 'excluded'])

    def test_excluded_in_a_body_of_a_macro(self) -> None:
        """As of SYSCALL_DEFINE: the function has a name that is not in the source."""
        self.commit('mm: x', mm_vma__c=VMA + '''
#define DEFINE(name) int se_##name(int pages); int se_##name(int pages)
DEFINE(remapped)
{
    return mapped(pages);
}
''')
        write(self.folder / 'suites', {'area/uncovered': 'mm/vma.c: se_remapped\n'
                                       '\t* -- nobody calls it\n'})
        _, _, facts = self.review('--tip')
        lines = facts['patches'][0]['files']['mm/vma.c'].values()
        self.assertEqual({line['class'] for line in lines}, {'no-code', 'excluded'})
        self.assertEqual(facts['stale'], [])

    def test_stale_reasons(self) -> None:
        """Told are those of functions that patches write to; of others `make coverage` tells."""
        self.commit('mm: x', mm_vma__c=VMA.replace('return -pages', 'return 0 - pages'))
        write(self.folder / 'suites', {'area/uncovered': 'mm/vma.c: unmapped\n\tgone(); -- x\n'
                                       'mm/vma.c: mapped\n\tgone_too(); -- x\n'})
        _, said, facts = self.review('--tip')
        self.assertEqual(facts['stale'], [
            "suites/area/uncovered:2: unmapped has no line with code 'gone();'"])
        self.assertIn('stale reason: suites/area/uncovered:2', said)

    # How it comes.

    def mbox(self) -> bytes:
        self.commit('mm: step one', mm_vma__c=VMA.replace('return -pages', 'return 0 - pages'))
        self.commit('mm: step two', mm_other__c=FILES['mm/other.c'].replace('+ 1', '+ 2'))
        text = sh('git', 'format-patch', '--stdout', '--cover-letter', f'{self.before}..HEAD',
                  cwd=self.src)
        sh('git', 'reset', '-q', '--hard', self.before, cwd=self.src)
        return text.encode()

    def test_mbox(self) -> None:
        """Mails are applied on what the tree holds, which stays as it is."""
        (self.folder / 'series.mbox').write_bytes(self.mbox())
        status, said = self.run_verb(f'--series={self.folder}/series.mbox')
        self.assertEqual(status, cli.HELD, said)
        self.assertEqual([patch['subject'] for patch in self.facts()['patches']],
                         ['mm: step one', 'mm: step two'])
        self.assertEqual(sh('git', 'status', '--porcelain', cwd=self.src), '')
        self.assertEqual(sh('git', 'rev-parse', 'HEAD', cwd=self.src).strip(), self.before)

    def test_uncommitted(self) -> None:
        """Without SERIES and RANGE it is what is not committed, new files included."""
        write(self.src, {'mm/vma.c': VMA.replace('return -pages', 'return 0 - pages'),
                         'mm/new.c': 'int new_one;\n'})
        for arguments in ((), ('--tip',)):
            status, said = self.run_verb(*arguments)
            self.assertEqual(status, cli.HELD, said)
            self.assertEqual(self.facts()['patches'][0]['touched'], ['mm/new.c', 'mm/vma.c'])
            self.assertEqual(self.classes(self.facts()['patches'][0], 'mm/vma.c'), {12: 'covered'})
        self.assertIn('return 0 - pages', (self.src / 'mm/vma.c').read_text())

    def test_b4(self) -> None:
        """One patch on the standard input, JSON on the standard output."""
        mails = self.mbox().split(b'\nFrom ')
        status, said = self.run_verb('--series=-', '--b4', '--tip', stdin=b'From ' + mails[1])
        answer: List[Dict[str, str]] = json.loads(said)
        self.assertEqual(status, cli.HELD)
        self.assertEqual([(one['tool'], one['status']) for one in answer],
                         [('mm-sandbox build', 'pass'), ('mm-sandbox tests', 'pass'),
                          ('mm-sandbox coverage', 'pass')])
        self.assertEqual(set(answer[0]), {'tool', 'status', 'summary', 'url', 'details'})
        _, said = self.run_verb('--series=-', '--b4', stdin=b'From: x\nSubject: [PATCH] y\n\nz\n')
        self.assertEqual(json.loads(said)[0]['status'], 'fail')

    def refused(self, pattern: str, *arguments: str) -> None:
        with self.assertRaisesRegex(cli.CannotTest, pattern) as caught:
            self.run_verb(*arguments)
        self.assertNotIn('\n', str(caught.exception))
        self.assertFalse((self.folder / 'reports/review/latest').exists())

    def test_cannot_be_reviewed(self) -> None:
        """A clear line each, and no report."""
        text = self.mbox()
        series = self.folder / 'series.mbox'
        series.write_bytes(text.replace(b'mm/other.c', b'mm/absent.c'))
        self.refused(r"patch 2/2 'mm: step two' does not apply: .*mm/absent.c",
                     f'--series={series}')
        series.write_bytes(text.replace(b'    return -pages', b'    return +pages'))
        self.refused(r'does not apply: mm/vma.c, hunk 1 of 1', f'--series={series}')
        self.refused("has no commit 'nowhere'", '--range=nowhere..HEAD')
        self.refused('holds no commit', '--range=HEAD..HEAD')
        self.refused("a range is 'A..B'", '--range=HEAD')
        self.refused('has no uncommitted change')
        self.refused('exclude each other', '--range=a..b', f'--series={series}')


if __name__ == '__main__':
    unittest.main()
