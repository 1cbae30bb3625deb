#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tools/coverage without a kernel: a small program that runs like KUnit, compiled here."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Dict, List, Tuple
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools')]

from sandbox import cli, kbuild, measure, paths, provision  # noqa: E402
from sandbox.configs import Config  # noqa: E402
from sandbox.kbuild import Build  # noqa: E402
from sandbox.tree import Tree  # noqa: E402

MEASURED = '''\
static volatile int many;
int mapped(int pages);
int mapped(int pages)
{
    if (pages > 2)
        many = 1;
    return pages;
}
int never(void);
int never(void)
{
    return 1;
}
'''
# Prints what KUnit would, for the cases that kunit.filter_glob= matches.
KERNEL = '''\
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int mapped(int pages);
static const char *cases[] = {"one", "two", "three"};
int main(int argc, char **argv)
{
    const char *glob = "*";
    int i, number = 0, wanted = 0, list = 0;
    for (i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "kunit.filter_glob=", 18))
            glob = argv[i] + 18;
        list |= !strcmp(argv[i], "kunit.action=list");
    }
    glob = strchr(glob, '.') ? strchr(glob, '.') + 1 : "*";
    setvbuf(stdout, NULL, _IONBF, 0);
    mapped(1);
    if (list) {
        puts("KTAP version 1\\n1..3");
        for (i = 0; i < 3; i++)
            printf("area.%s\\n", cases[i]);
        return 0;
    }
    for (i = 0; i < 3; i++)
        wanted += !fnmatch(glob, cases[i], 0);
    printf("KTAP version 1\\n1..1\\n    KTAP version 1\\n    # Subtest: area\\n");
    printf("    1..%d\\n", wanted);
    for (i = 0; i < 3; i++) {
        if (fnmatch(glob, cases[i], 0))
            continue;
        if (i == 1 && CRASHES) {
            puts("Kernel panic - not syncing: on purpose");
            abort();
        }
        mapped(i * 2);
        printf("    ok %d %s\\n", ++number, cases[i]);
    }
    puts("ok 1 area\\nreboot: System halted");
    return 0;
}
'''


def verb() -> Any:
    """tools/coverage as a module."""
    loader = importlib.machinery.SourceFileLoader('coverage_verb', str(ROOT / 'tools/coverage'))
    spec = importlib.util.spec_from_loader('coverage_verb', loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, 'dont_write_bytecode', True):
        loader.exec_module(module)
    return module


class Verb(unittest.TestCase):
    """The verb on a kernel tree of two files."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix='coverage verb '))
        self.addCleanup(shutil.rmtree, self.folder)
        self.source, self.build = self.folder / 'src', self.folder / 'build'
        for name, text in (('mm/vma.c', MEASURED), ('mm/kernel.c', KERNEL), ('mm/vma.h', ''),
                           ('mm/other.c', ''), ('mm/Kconfig', '')):
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.source / 'tools').symlink_to(paths.SRC / 'tools')
        (self.build / 'mm').mkdir(parents=True)
        self.topics: Tuple[str, ...] = ('um-gcov',)

    def compile(self, crashes: bool = False) -> None:
        """Build the two files as kbuild would."""
        def gcc(*words: str) -> None:
            subprocess.run(['gcc', *words], cwd=self.build, check=True)
        gcc('-O2', *measure.FLAGS, '-c', '-o', 'mm/vma.o', str(self.source / 'mm/vma.c'))
        gcc(f'-DCRASHES={int(crashes)}', '-c', '-o', 'mm/kernel.o',
            str(self.source / 'mm/kernel.c'))
        gcc('--coverage', '-o', 'linux', 'mm/vma.o', 'mm/kernel.o')
        subprocess.run(['ar', 'rcsTP', 'vmlinux.a', 'mm/vma.o', 'mm/kernel.o'], cwd=self.build,
                       check=True)
        (self.build / 'mm/.vma.o.cmd').write_text(
            'savedcmd_mm/vma.o := gcc -O2 -fno-inline-small-functions -c -o mm/vma.o vma.c\n')

    def run_verb(self, *arguments: str) -> Tuple[int, str]:
        """The status and what was printed."""
        tree = Tree(self.source, self.folder, '7.3.4', '', '', self.topics, 4, 'abc')

        def built(tree: Tree, config: Config, make_args: List[str], jobs: int) -> Build:
            self.make_args = make_args
            own = self.build / 'own'
            own.mkdir(exist_ok=True)
            shutil.copy(self.build / 'linux', own / 'linux')
            return Build(tree, config, self.build, own / 'linux', 'gcc 12.2', 1, 2, 0.5)

        said = io.StringIO()
        with mock.patch.object(provision, 'tree', lambda options: tree), \
                mock.patch.object(kbuild, 'build', built), \
                mock.patch.object(paths, 'REPORTS', self.folder / 'reports'), \
                mock.patch.object(paths, 'SUITES', self.folder / 'suites'), \
                contextlib.redirect_stdout(said):
            status = verb().main(arguments)
        return status, said.getvalue()

    def facts(self) -> Dict[str, Any]:
        """report.json."""
        path = self.folder / 'reports/coverage/latest/report.json'
        facts: Dict[str, Any] = json.loads(path.read_text())
        return facts

    def test_whole_report(self) -> None:
        """All that a run reports; the boot that lists the tests does not count."""
        self.compile()
        status, said = self.run_verb('--files=mm/vma.c', '--suite=area')
        self.assertEqual(status, cli.HELD, said)
        self.assertRegex(said, r'mm/vma\.c +4/6 +66\.7 % +2/2 +100 % +1/2 +50\.0 %')
        self.assertIn('1 function never called', said)
        self.assertTrue(all(len(line) <= 80 for line in said.splitlines()), said)
        facts = self.facts()
        self.assertEqual(facts['files'], {'mm/vma.c': {
            'lines': {'covered': 4, 'total': 6}, 'branches': {'covered': 2, 'total': 2},
            'functions': {'covered': 1, 'total': 2},
            'by_function': [
                {'name': 'mapped', 'line': 3, 'calls': 4, 'lines': {'covered': 4, 'total': 4},
                 'branches': {'covered': 2, 'total': 2}},
                {'name': 'never', 'line': 10, 'calls': 0, 'lines': {'covered': 0, 'total': 2},
                 'branches': {'covered': 0, 'total': 0}}]}})
        self.assertEqual((facts['tests']['passed'], facts['lost'], facts['config']),
                         (3, [], 'coverage'))
        report = self.folder / 'reports/coverage/latest'
        self.assertRegex((report / 'report.txt').read_text(), r'never called:\n  mm/vma.c:10 never')
        self.assertIn('BRDA:5,0,0,', (report / 'coverage.info').read_text())
        self.assertTrue((report / 'html/index.html').exists())

    def test_crashed_boot(self) -> None:
        """A crash loses the counters of its boot, and the report says so first."""
        self.compile(crashes=True)
        status, said = self.run_verb('--files=mm/vma.c', '--suite=area')
        self.assertEqual(status, cli.FAILED)
        self.assertRegex(said, r'boot 1 left no data .*: what its 2 cases executed is not counted')
        facts = self.facts()
        self.assertEqual(facts['tests']['crashed'], 1)
        self.assertEqual(len(facts['lost']), 1)
        self.assertEqual(facts['files']['mm/vma.c']['by_function'][0]['calls'], 2)

    def test_every_boot_crashed(self) -> None:
        """No data at all is said, and is not shown as zero."""
        self.compile(crashes=True)
        status, said = self.run_verb('--files=mm/vma.c', '--suite=area.two')
        self.assertEqual(status, cli.FAILED)
        self.assertIn('no coverage: no boot left data', said)
        self.assertEqual(self.facts()['files'], {})

    def test_detail(self) -> None:
        """DETAIL=1 prints what report.txt holds."""
        self.compile()
        _, said = self.run_verb('--files=mm/vma.c', '--suite=area', '--detail=1')
        self.assertRegex(said, r'\n  never +0/2 +0 % +0/0 +- +never')

    def test_path_from_the_shell(self) -> None:
        """A path that leads into the tree is as good as one below it."""
        self.compile()
        self.run_verb(f'--files={self.source}/mm/vma.c', '--suite=area')
        self.assertEqual(list(self.facts()['files']), ['mm/vma.c'])

    def test_instruments_what_was_asked(self) -> None:
        self.compile()
        self.run_verb('--files=mm/vma.c', '--suite=area')
        self.assertEqual(self.make_args[1:], ['GCOV_PROFILE_vma.o=y'])
        self.assertRegex(self.make_args[0],
                         'CFLAGS_GCOV=-fprofile-arcs .*-fno-inline-small-functions')

    def refused(self, pattern: str, *arguments: str) -> None:
        with self.assertRaisesRegex(cli.CannotTest, pattern) as caught:
            self.run_verb(*arguments)
        self.assertNotIn('\n', str(caught.exception))

    def test_bad_files(self) -> None:
        """Each wrong FILES= names the file and what is wrong with it."""
        self.compile()
        self.refused('no mm/absent.c in', '--files=mm/vma.c,mm/absent.c')
        self.refused('mm/other.c is not compiled in CONFIG=coverage', '--files=mm/other.c')
        self.refused(r'no \.\./src/mm/vma.c in', '--files=../src/mm/vma.c')
        self.refused('no mm in', '--files=mm')
        self.refused('mm/Kconfig is neither', '--files=mm/Kconfig')
        self.refused(r'name a \.c file, too', '--files=mm/vma.h')

    def test_stale_data_of_another_build(self) -> None:
        """Notes that are newer than the kernel that ran are refused, not added up."""
        self.compile()
        with (self.source / 'mm/vma.c').open('a') as file:
            file.write('int more;\n')
        subprocess.run(['gcc', '-O1', *measure.FLAGS, '-c', '-o', 'mm/vma.o',
                        str(self.source / 'mm/vma.c')], cwd=self.build, check=True)
        self.refused('vma.gcda is of another build', '--files=mm/vma.c', '--suite=area')

    def test_topic_missing(self) -> None:
        self.topics = ()
        self.compile()
        self.refused('does not have the topic um-gcov', '--files=mm/vma.c')

    def test_default_files_are_in_the_kernel(self) -> None:
        """kunit-suites/coverage-files names files of this kernel only."""
        tree = Tree(paths.SRC, self.folder, '7.3.4', '', '', self.topics, 4, 'abc')
        self.assertIn('mm/vma.c', measure.files(tree, ''))


if __name__ == '__main__':
    unittest.main()
