#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Configurations and builds, with a make that stands in for kbuild."""

import contextlib
import dataclasses
import io
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'tools'))

from sandbox import cli, configs, kbuild, paths  # noqa: E402
from sandbox.configs import Config  # noqa: E402
from sandbox.tree import Tree  # noqa: E402

# .config is what was asked for, less what has no dependency; a line of the
# fake's log for each target.
MAKEFILE = '''\
B := $(if $(O),$(O),.)
.PHONY: olddefconfig linux compile_commands.json
olddefconfig:
\techo olddefconfig >> targets
\tsed -i /UNMET/d $B/.config
\tmkdir -p $B/include/config
\tprintf 'deps_config := \\\\\\n\\tKconfig \\\\\\n\\n' > $B/include/config/auto.conf.cmd
\ttouch $B/include/config/auto.conf
linux:
\techo linux >> targets
\t@test ! -e broken || { echo "$(CURDIR)/mm/vma.c:7:1: error: on purpose"; exit 1; }
\t@test -e $B/linux || { echo '  CC      mm/vma.o'; echo '  AS      x.o'; \\
\t\tmkdir -p $B/mm $B/scripts; echo > $B/mm/.vma.o.cmd; echo > $B/mm/.x.o.cmd; \\
\t\techo > $B/scripts/.host.o.cmd; echo x > $B/linux; }
compile_commands.json:
\techo compile_commands >> targets
\techo '[]' > $B/compile_commands.json
'''


class Fragments(unittest.TestCase):
    """uml-configs/ itself."""

    def test_each_says_what_it_is_for(self) -> None:
        for name in configs.known():
            self.assertGreater(len(configs.purpose(name)), 20, name)

    def test_names_compose_and_arguments_follow(self) -> None:
        config = configs.load('debug+smp')
        self.assertEqual([path.stem for path in config.fragments],
                         ['common', 'mm', 'thp', 'pgtable', 'debug', 'smp'])
        self.assertEqual(config.kernel_args, ('ncpus=2', 'seccomp=on'))
        self.assertEqual(configs.load('fast').kernel_args, ())

    def test_an_unknown_name_lists_the_known_ones(self) -> None:
        for name in ('fats', 'fast+nothing', '', 'common', 'fast+fast'):
            with self.assertRaisesRegex(cli.CannotTest, 'there are .*coverage.*fast'):
                configs.load(name)

    def test_additions_are_no_configurations(self) -> None:
        self.assertIn('lean-swap', configs.tested())
        self.assertNotIn('selftest', configs.tested())
        self.assertNotIn('mm', configs.tested())


class Build(unittest.TestCase):
    """kbuild.build() on a tree whose make is a fake."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix='test-config-'))
        self.addCleanup(shutil.rmtree, self.folder)
        self.src = self.folder / 'src'
        (self.src / 'tools' / 'testing').mkdir(parents=True)
        kunit = paths.SRC / 'tools' / 'testing' / 'kunit'
        (self.src / 'tools' / 'testing' / 'kunit').symlink_to(kunit)
        (self.src / 'Makefile').write_text(MAKEFILE)
        (self.src / 'Kconfig').write_text('')
        self.tree = Tree(self.src, self.folder / 'builds', '7.3.4', '', '', (), 0, '')

    def config(self, *fragments: str) -> Config:
        """A configuration of fragments given as text."""
        files = []
        for number, text in enumerate(fragments):
            files.append(self.folder / f'{number}.config')
            files[-1].write_text(text)
        return Config('test', tuple(files), (), '')

    def build(self, *fragments: str) -> kbuild.Build:
        """Build, with what the tool says kept away from the terminal."""
        self.said = io.StringIO()
        with contextlib.redirect_stderr(self.said):
            return kbuild.build(self.tree, self.config(*fragments))

    def targets(self) -> str:
        """The targets that were made since the last time."""
        log = self.src / 'targets'
        text = log.read_text() if log.exists() else ''
        log.unlink(missing_ok=True)
        return ' '.join(text.split())

    def test_a_warm_build_makes_one_target(self) -> None:
        first = self.build('CONFIG_KUNIT=y\n')
        self.assertEqual(self.targets(), 'olddefconfig linux compile_commands')
        self.assertEqual((first.built, first.objects), (2, 2))
        again = self.build('CONFIG_KUNIT=y\n')
        self.assertEqual(self.targets(), 'linux')
        self.assertEqual((again.built, again.objects), (0, 2))

    def test_a_changed_fragment_and_a_changed_kconfig_configure_again(self) -> None:
        self.build('CONFIG_KUNIT=y\n')
        self.targets()
        self.build('CONFIG_KUNIT=y\nCONFIG_SWAP=y\n')
        self.assertIn('olddefconfig', self.targets())
        os.utime(self.src / 'Kconfig', ns=(2**62, 2**62))
        self.build('CONFIG_KUNIT=y\nCONFIG_SWAP=y\n')
        self.assertIn('olddefconfig', self.targets())

    def test_a_lost_option_is_an_error_each_time(self) -> None:
        for _ in range(2):
            with self.assertRaisesRegex(cli.CannotTest, 'CONFIG_UNMET=y'):
                self.build('CONFIG_KUNIT=y\nCONFIG_UNMET=y\n')
        self.assertNotIn('linux', self.targets())

    def test_contradicting_fragments_are_an_error(self) -> None:
        with self.assertRaisesRegex(cli.CannotTest, 'CONFIG_SWAP'):
            self.build('CONFIG_SWAP=y\n', '# CONFIG_SWAP is not set\n')

    def test_a_fragment_needs_its_topic(self) -> None:
        fragments = ('CONFIG_KUNIT=y\n', '# Huge pages.\n# needs: um-thp\n\nCONFIG_UNMET=y\n')
        self.build(*fragments)
        self.assertNotIn('UNMET', (self.folder / 'builds' / 'test' / '.config').read_text())
        self.tree = dataclasses.replace(self.tree, topics=('um-thp',))
        with self.assertRaisesRegex(cli.CannotTest, 'CONFIG_UNMET=y'):
            self.build(*fragments)

    def test_a_broken_build_shows_the_compilers_words(self) -> None:
        (self.src / 'broken').touch()
        with self.assertRaisesRegex(cli.CannotTest, 'does not build'):
            self.build('CONFIG_KUNIT=y\n')
        self.assertIn('mm/vma.c:7:1: error: on purpose', self.said.getvalue().splitlines()[0])

    def test_a_later_build_does_not_change_a_kernel_in_use(self) -> None:
        build = self.build('CONFIG_KUNIT=y\n')
        (build.folder / 'linux').unlink()
        (build.folder / 'linux').write_text('another')
        self.assertEqual(build.linux.read_text(), 'x\n')

    def test_a_path_that_kbuild_cannot_take(self) -> None:
        spaced = self.folder / 'a tree'
        spaced.symlink_to(self.src)
        self.tree = dataclasses.replace(self.tree, src=spaced)
        with self.assertRaisesRegex(cli.CannotTest, 'spaces'):
            self.build('CONFIG_KUNIT=y\n')

    def test_editors_find_the_commands(self) -> None:
        self.build('CONFIG_KUNIT=y\n')
        self.assertEqual((self.src / 'compile_commands.json').read_text(), '[]\n')


if __name__ == '__main__':
    unittest.main()
