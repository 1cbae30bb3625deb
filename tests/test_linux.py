# SPDX-License-Identifier: GPL-2.0
"""Provisioning: from a package, a user's tree, and every way it can go wrong."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import List
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from fake_kernel import (KERNEL, Mirror, PACKAGE, Repository, edited, example,  # noqa: E402
                         make_package, sh, write)
from sandbox import base, cli, packages  # noqa: E402

CAN_SIGN = shutil.which('gpg') is not None


class Folder(unittest.TestCase):
    """A temporary folder with a space in its name."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory(prefix='sandbox test ')
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)


@unittest.skipUnless(CAN_SIGN, 'needs gpg to sign a mirror')
class Mirrored(Folder):
    """A repository whose kernel comes from a signed mirror."""

    shared: tempfile.TemporaryDirectory  # type: ignore[type-arg]
    mirror: Mirror

    @classmethod
    def setUpClass(cls) -> None:
        cls.shared = tempfile.TemporaryDirectory(prefix='sandbox-mirror-')
        cls.addClassCleanup(cls.shared.cleanup)
        folder = Path(cls.shared.name)
        cls.mirror = Mirror(folder)
        cls.addClassCleanup(cls.mirror.close)
        cls.package = make_package(folder)
        cls.mirror.publish([cls.package])
        cls.template = Repository(folder, cls.mirror)
        example(cls.template)

    package: Path
    template: Repository

    def setUp(self) -> None:
        super().setUp()
        self.repository = Repository(self.folder, self.mirror)

    def other_mirror(self) -> Mirror:
        """An empty mirror of its own."""
        folder = tempfile.TemporaryDirectory(prefix='sandbox-mirror-')
        self.addCleanup(folder.cleanup)
        mirror = Mirror(Path(folder.name))
        self.addCleanup(mirror.close)
        return mirror

    def with_series(self) -> None:
        """A repository whose linux/src holds two topics, three patches."""
        self.repository = Repository(self.folder / 'with series', self.mirror, self.template)


class FromTheMirror(Mirrored):
    """linux/src from the package."""

    def test_it_holds_every_file_of_the_package(self) -> None:
        said = self.repository.tool('linux')
        self.assertIn(f'linux/src: linux 7.3.4 + 0 patches ({PACKAGE} 7.3.4-1)', said)
        self.assertEqual(self.repository.git('status', '--porcelain'), '')
        self.assertEqual(sorted(self.repository.git('ls-files').splitlines()), sorted(KERNEL))

    def test_git_sees_a_new_file_although_the_packaging_ignores_all(self) -> None:
        self.repository.tool('linux')
        write(self.repository.src, {'mm/new.c': '', 'mm/new.o': ''})
        self.assertEqual(self.repository.git('status', '--porcelain'), '?? mm/new.c')

    def test_the_same_package_gives_the_same_commits_on_every_machine(self) -> None:
        self.with_series()
        shutil.rmtree(self.repository.src)
        self.repository.tool('linux')
        first = self.repository.git('rev-parse', 'base', 'sandbox')
        shutil.rmtree(self.repository.src)
        self.addCleanup(os.umask, os.umask(0o077))
        self.repository.tool('linux')
        self.assertEqual(self.repository.git('rev-parse', 'base', 'sandbox'), first)

    def test_the_suites_appear_and_git_does_not_see_them(self) -> None:
        self.repository.tool('linux')
        link = self.repository.src / 'mm' / 'tests' / 'sandbox'
        self.assertTrue((link / 'Kconfig').exists())
        self.assertFalse(os.path.isabs(os.readlink(link)))
        self.assertEqual(self.repository.git('status', '--porcelain'), '')
        link.unlink()
        self.repository.tool('linux')
        self.assertTrue((link / 'Kconfig').exists())

    def test_an_installed_package_is_used(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder) as installed:
            sh('dpkg-deb', '-x', str(self.package), installed)
            self.repository.use_installed(Path(installed) / 'usr' / 'src')
            said = self.repository.tool('linux')
        self.assertIn('linux-source-7.3.tar.xz', said)
        self.assertIn('linux 7.3.4', said)

    def test_nothing_to_do_is_quick_and_quiet(self) -> None:
        self.with_series()
        said = self.repository.tool('linux')
        self.assertEqual(said.splitlines(), ['linux/src: linux 7.3.4 + 3 patches (linux-source-7.3 '
                                             '7.3.4-1): small, large'])

    def test_a_newer_point_release_is_taken_and_said(self) -> None:
        newer = make_package(self.folder, version='7.3.5-1')
        other = self.other_mirror()
        other.publish([newer, self.package])
        repository = Repository(self.folder / 'other', other)
        self.assertIn('7.3.5-1 is not 7.3.4-1', repository.tool('linux'))


class FollowsTheSeries(Mirrored):
    """linux/src when linux/series changes under it."""

    def test_without_own_work_it_follows(self) -> None:
        self.with_series()
        first = self.repository.git('rev-parse', 'sandbox~2')
        series = self.repository.root / 'linux' / 'series'
        series.write_text(series.read_text().replace('large/0002-mm-three.patch\n', ''))
        self.assertIn('+ 2 patches', self.repository.tool('linux'))
        self.assertEqual((self.repository.src / 'mm' / 'new.c').read_text(), 'int new;\n')
        self.assertEqual(self.repository.git('rev-parse', 'sandbox~1'), first, 'applied again')

    def test_uncommitted_changes_are_left_alone(self) -> None:
        self.with_series()
        write(self.repository.src, {'mm/vma.c': 'my work\n'})
        (self.repository.root / 'linux' / 'series').write_text('')
        self.assertIn('uncommitted changes (mm/vma.c)', self.repository.tool('linux', status=2))
        self.assertEqual((self.repository.src / 'mm' / 'vma.c').read_text(), 'my work\n')

    def test_own_commits_can_be_rebased_on_the_new_series(self) -> None:
        self.with_series()
        mine = self.repository.commit('mine\n\nTopic: mine\n', {'mm/mine.c': 'mine\n'})
        series = self.repository.root / 'linux' / 'series'
        series.write_text(series.read_text().replace('large/0002-mm-three.patch\n', ''))
        (series.parent / 'patches' / 'large' / '0002-mm-three.patch').unlink()
        said = self.repository.tool('linux', status=2)
        self.assertEqual(self.repository.git('rev-parse', 'HEAD'), mine)
        command = re.search(r'git -C linux/src (rebase --onto .*)$', said, re.MULTILINE)
        assert command
        self.repository.git(*command.group(1).split())
        self.assertIn('+ 3 patches', self.repository.tool('linux'))
        self.assertEqual(self.repository.tool('series'), 'added     mine/0001-mine.patch\n')
        self.repository.tool('series', '--check')

    def test_a_tree_that_the_tools_did_not_make_is_used_as_it_is(self) -> None:
        self.with_series()
        (self.repository.src / '.git' / 'sandbox-state').unlink()
        (self.repository.root / 'linux' / 'series').write_text('')
        self.assertIn('linux 7.3.4 + 3 patches: small, large', self.repository.tool('linux'))

    def test_a_branch_of_ones_own_is_used_as_it_is(self) -> None:
        self.with_series()
        self.repository.git('switch', '--quiet', '--create', 'mine', 'HEAD~1')
        self.assertIn('linux 7.3.4 + 2 patches', self.repository.tool('linux'))

    def test_a_patch_that_does_not_apply_is_named_with_file_and_hunk(self) -> None:
        self.with_series()
        path = self.repository.root / 'linux' / 'patches' / 'small' / '0001-mm-one.patch'
        text = path.read_text()
        path.write_text(text.replace('-\treturn 3;', '-\treturn 3333;'))
        shutil.rmtree(self.repository.src)
        for _ in range(2):
            said = self.repository.tool('linux', status=2)
            self.assertIn('small/0001-mm-one.patch does not apply: mm/vma.c, hunk 1 of 1', said)
        self.assertEqual(self.repository.git('rev-parse', 'sandbox'),
                         self.repository.git('rev-parse', 'base'))
        path.write_text(text)
        self.assertIn('+ 3 patches', self.repository.tool('linux'))

    def test_a_patch_that_does_not_apply_can_be_mended(self) -> None:
        self.with_series()
        path = self.repository.root / 'linux' / 'patches' / 'large' / '0002-mm-three.patch'
        path.write_text(path.read_text().replace('-int new;', '-int old;'))
        said = self.repository.tool('linux', status=2)
        self.assertIn('holds the 2 patches before it', said)
        with self.assertRaises(AssertionError):
            self.repository.git('am', '-3', '-k', '--keep-cr', '.git/unapplied.mbox')
        write(self.repository.src, {'mm/new.c': 'int newest;\n'})
        self.repository.git('add', 'mm/new.c')
        self.assertIn('middle of a git am', self.repository.tool('linux'))
        self.assertIn('middle of a git am', self.repository.tool('series', status=2))
        self.repository.git('am', '--continue')
        self.assertIn('changed   large/0002', self.repository.tool('series'))
        self.assertIn('+ 3 patches', self.repository.tool('linux'))

    def test_a_series_that_names_a_missing_patch(self) -> None:
        self.with_series()
        (self.repository.root / 'linux' / 'patches' / 'small' / '0001-mm-one.patch').unlink()
        self.assertIn('linux/series:2: linux/patches/small/0001-mm-one.patch: No such file',
                      self.repository.tool('linux', status=2))

    def test_an_untracked_file_in_the_way_is_kept(self) -> None:
        self.with_series()
        series = self.repository.root / 'linux' / 'series'
        whole = series.read_text()
        series.write_text('')
        self.repository.tool('linux')
        write(self.repository.src, {'mm/new.c': 'mine\n'})
        series.write_text(whole)
        self.assertIn("mm/new.c", self.repository.tool('linux', status=2))
        self.assertEqual((self.repository.src / 'mm' / 'new.c').read_text(), 'mine\n')


class Interrupted(Mirrored):
    """Killed at any point, and two at once."""

    def test_killed_anywhere_it_ends_well_the_next_time(self) -> None:
        self.with_series()
        whole = self.repository.git('rev-parse', 'sandbox^{tree}')
        began = time.monotonic()
        self.provision_again(None)
        needed = time.monotonic() - began
        for step in range(12):
            self.provision_again(needed * (step + 0.5) / 12)
            self.repository.tool('linux')
            self.assertEqual(self.repository.git('rev-parse', 'sandbox^{tree}'), whole)
            self.assertEqual(self.repository.git('status', '--porcelain'), '')
            self.assertEqual(sorted(os.listdir(self.repository.root / 'linux')),
                             ['base.conf', 'patches', 'series', 'src', 'src.lock'])

    def provision_again(self, kill_after: object) -> None:
        """Provision from nothing and kill the tool, not its children, after some time."""
        shutil.rmtree(self.repository.src, ignore_errors=True)
        child = self.repository.start('linux')
        try:
            child.wait(kill_after)  # type: ignore[arg-type]
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
        child.communicate()

    def test_killed_while_the_tree_moves_it_ends_well(self) -> None:
        self.with_series()
        tree = self.repository.src
        old = self.repository.git('rev-parse', 'sandbox')
        series = self.repository.root / 'linux' / 'series'
        whole = series.read_text()
        series.write_text('')
        self.repository.tool('linux')
        series.write_text(whole)
        self.stop_at(self.repository, 'update-ref')
        (tree / '.git' / 'index.lock').touch()
        (tree / 'mm' / 'new.c').write_text('int ne')  # half written
        (tree / 'mm' / 'vma.c').unlink()
        self.assertIn('interrupted', self.repository.tool('linux'))
        self.assertEqual(self.repository.git('status', '--porcelain'), '')
        self.assertEqual(self.repository.git('diff', old), '')

    def test_work_done_after_the_kill_is_kept(self) -> None:
        self.with_series()
        series = self.repository.root / 'linux' / 'series'
        series.write_text('')
        self.stop_at(self.repository, 'update-ref')
        write(self.repository.src, {'mm/vma.c': 'my work\n'})
        self.assertIn('mm/vma.c changed since', self.repository.tool('linux', status=2))
        self.assertEqual((self.repository.src / 'mm' / 'vma.c').read_text(), 'my work\n')

    @staticmethod
    def stop_at(repository: Repository, command: str) -> None:
        """Run tools/linux, and kill it when it calls this git command."""
        folder = repository.root / 'bin'
        write(folder, {'git': f'#!/bin/sh\n[ "$1" = {command} ] && kill -9 $PPID && exit 1\n'
                              f'exec {shutil.which("git")} "$@"\n'})
        (folder / 'git').chmod(0o755)
        done = subprocess.run([str(repository.root / 'tools' / 'linux')], check=False,
                              env=repository.environment(PATH=f'{folder}:{os.environ["PATH"]}'),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert done.returncode == -signal.SIGKILL, done.returncode

    def test_two_at_once_make_one_tree(self) -> None:
        children = [self.repository.start('linux') for _ in range(3)]
        said = [child.communicate()[0] for child in children]
        self.assertEqual([child.returncode for child in children], [0, 0, 0], said)
        self.assertEqual(sum('committing the kernel: done' in text for text in said), 1)
        self.assertTrue(any('waiting for another command' in text for text in said))


class BadInput(Mirrored):
    """Each with its line, status 2, and nothing left half-made."""

    def refused(self, *words: str) -> None:
        """tools/linux refuses with these words, in one line, and leaves no tree."""
        complaint = self.repository.tool('linux', status=2).splitlines()[-1]
        for word in words:
            self.assertIn(word, complaint)
        self.assertFalse(self.repository.src.exists())
        self.assertFalse((self.repository.root / 'linux' / 'src.new').exists())

    def test_no_network(self) -> None:
        self.repository.use_mirror('http://127.0.0.1:9/debian')
        self.refused('is there a network?', 'LINUX=')

    def test_no_network_but_a_download_from_before(self) -> None:
        self.repository.tool('linux')
        shutil.rmtree(self.repository.src)
        self.repository.use_mirror('http://127.0.0.1:9/debian')
        self.assertIn('downloaded before', self.repository.tool('linux'))

    def test_no_mirror(self) -> None:
        self.repository.use_mirror('')
        self.refused('no Debian mirror', 'LINUX=')

    def test_the_package_gone_from_the_mirror(self) -> None:
        mirror = self.other_mirror()
        mirror.publish([make_package(self.folder, 'linux-source-7.4', '7.4.1-1')], 'sid')
        self.repository = Repository(self.folder / 'another', mirror)
        self.refused('no linux-source-7.3 any more', 'linux-source-7.4 (sid)', 'LINUX=')

    def test_a_mirror_that_somebody_else_signed(self) -> None:
        conf = self.repository.root / 'linux' / 'base.conf'
        conf.write_text(re.sub('keyring = .*', 'keyring = /usr/share/keyrings/'
                               'debian-archive-keyring.gpg', conf.read_text()))
        self.refused('cannot read the Debian mirror')

    def test_a_damaged_package(self) -> None:
        self.repository.use_installed(self.folder)
        (self.folder / f'{PACKAGE}.tar.xz').write_bytes(b'\xfd7zXZ\0not really')
        self.refused('cannot be unpacked')

    def test_no_room(self) -> None:
        with mock.patch('sandbox.base.shutil.disk_usage') as usage:
            usage.return_value.free = 3.2e9
            with self.assertRaisesRegex(cli.CannotTest, r'3\.2 GB are free at .* 5 GB'):
                base.need_room(self.folder)

    def test_something_else_in_the_place_of_the_tree(self) -> None:
        write(self.repository.src, {'precious': 'work\n'})
        self.assertIn('is in the way', self.repository.tool('linux', status=2))
        self.assertEqual(os.listdir(self.repository.src), ['precious'])

    def test_a_conf_that_names_another_kernel_than_the_tree(self) -> None:
        self.with_series()
        conf = self.repository.root / 'linux' / 'base.conf'
        conf.write_text(conf.read_text().replace(PACKAGE, 'linux-source-7.4'))
        self.assertIn('but linux/base.conf names linux-source-7.4', self.repository.tool('linux'))

    def test_a_conf_without_a_package(self) -> None:
        write(self.repository.root, {'linux/base.conf': '# nothing\n'})
        self.refused("linux/base.conf does not say 'package'")

    def test_a_folder_that_cannot_be_written(self) -> None:
        write(self.repository.root, {'build': 'a file\n'})
        self.refused('build/apt', 'Not a directory')


class Packages(unittest.TestCase):
    """Missing programs."""

    def test_as_a_user_the_command_is_said(self) -> None:
        with mock.patch('os.geteuid', return_value=1000):
            with self.assertRaisesRegex(cli.CannotTest, 'missing.*apt-get install bison flex$'):
                packages.need({'no-such-flex': 'flex', '/no/such/bison': 'bison', 'sh': 'dash'})

    def test_as_root_they_are_installed(self) -> None:
        commands: List[List[str]] = []
        present = iter([False, True])

        def quietly(command: List[str]) -> bool:
            commands.append(command)
            return True

        with mock.patch('os.geteuid', return_value=0), \
                mock.patch.object(packages, '_there', lambda _: next(present)), \
                mock.patch.object(packages, '_quietly', quietly), \
                mock.patch('sandbox.cli.say') as say:
            packages.need({'no-such-flex': 'flex'})
        self.assertEqual([command[-1] for command in commands], ['flex'])
        self.assertIn('flex', say.call_args[0][0])

    def test_when_root_cannot_install_them_the_command_is_said(self) -> None:
        with mock.patch('os.geteuid', return_value=0), \
                mock.patch.object(packages, '_quietly', lambda command: False), \
                mock.patch('sandbox.cli.say'):
            with self.assertRaisesRegex(cli.CannotTest, 'apt-get install flex$'):
                packages.need({'no-such-flex': 'flex'})


class OwnTree(Mirrored):
    """LINUX=DIR and TOPICS=."""

    def setUp(self) -> None:
        super().setUp()
        self.with_series()
        self.own = self.folder / 'my linux'
        makefile = KERNEL['Makefile'].replace('SUBLEVEL = 4', 'SUBLEVEL = 0')
        write(self.own, {**KERNEL, 'Makefile': makefile})
        sh('git', 'init', '--quiet', cwd=self.own)
        sh('git', 'add', '--force', '.', cwd=self.own)
        sh('git', 'commit', '--quiet', '--message=mine', cwd=self.own)
        self.before = self.snapshot()

    def snapshot(self) -> str:
        """All that is in the user's tree, with times."""
        return sh('find', '.', '-printf', '%p %T@ %s\\n', cwd=self.own)

    def src(self) -> Path:
        """The tree that was made for it."""
        return next((self.repository.root / 'build' / 'worktrees').glob('my linux-*')) / 'src'

    def test_the_series_is_applied_and_the_tree_untouched(self) -> None:
        said = self.repository.tool('linux', '--linux', str(self.own))
        self.assertIn('linux 7.3.0 + 3 patches: small, large', said)
        self.assertIn('is Linux 7.3.0; the series is kept on 7.3.4', said)
        self.assertIn('return -3;', (self.src() / 'mm' / 'vma.c').read_text())
        self.assertTrue((self.src() / 'mm' / 'tests' / 'sandbox' / 'Kconfig').exists())
        self.assertEqual(sh('git', 'status', '--porcelain', cwd=self.src()), '')
        self.assertEqual(self.snapshot(), self.before)

    def test_a_new_commit_there_is_followed(self) -> None:
        self.repository.tool('linux', '--linux', str(self.own))
        unchanged = (self.src() / 'mm' / 'Kconfig').stat().st_mtime_ns
        write(self.own, {'mm/vma.c': edited(30, 'return 3030;')})
        said = self.repository.tool('linux', '--linux', str(self.own))
        self.assertIn('uncommitted changes in 1 files', said)
        sh('git', 'commit', '--quiet', '--all', '--message=more', cwd=self.own)
        self.repository.tool('linux', '--linux', str(self.own))
        text = (self.src() / 'mm' / 'vma.c').read_text()
        self.assertIn('return 3030;', text)
        self.assertIn('return -3;', text)
        self.assertEqual((self.src() / 'mm' / 'Kconfig').stat().st_mtime_ns, unchanged)

    def test_a_topic_that_does_not_apply_is_left_out(self) -> None:
        write(self.own, {'mm/vma.c': edited(3, 'return 4;')})
        sh('git', 'commit', '--quiet', '--all', '--message=in the way', cwd=self.own)
        for _ in range(2):
            said = self.repository.tool('linux', '--linux', str(self.own))
            self.assertIn('+ 2 patches: large', said)
            self.assertIn('without topic small: linux/patches/small/0001-mm-one.patch does not '
                          'apply: mm/vma.c, hunk 1 of 1 (line', said)

    def test_a_topic_is_applied_as_a_whole_or_not_at_all(self) -> None:
        write(self.own, {'mm/new.c': 'int mine;\n'})
        sh('git', 'add', '.', cwd=self.own)
        sh('git', 'commit', '--quiet', '--all', '--message=in the way', cwd=self.own)
        said = self.repository.tool('linux', '--linux', str(self.own))
        self.assertIn('+ 1 patches: small', said)
        self.assertIn('without topic large: ', said)
        self.assertEqual((self.src() / 'mm' / 'new.c').read_text(), 'int mine;\n')

    def test_not_even_the_patches_before_the_one_that_fails(self) -> None:
        self.repository.commit('mm: four\n\nTopic: small\n',
                               {'mm/vma.c': edited(3, 'return -3;').replace('return 30;', '30;')})
        self.repository.tool('series')
        write(self.own, {'mm/vma.c': edited(30, 'return 31;')})
        sh('git', 'commit', '--quiet', '--all', '--message=in the way', cwd=self.own)
        said = self.repository.tool('linux', '--linux', str(self.own))
        self.assertIn('+ 2 patches: large', said)
        self.assertIn('without topic small: linux/patches/small/0002-mm-four.patch', said)
        self.assertNotIn('return -3;', (self.src() / 'mm' / 'vma.c').read_text())

    def test_a_patch_that_is_there_already_counts(self) -> None:
        write(self.own, {'mm/vma.c': edited(3, 'return -3;')})
        sh('git', 'commit', '--quiet', '--all', '--message=same', cwd=self.own)
        self.assertIn('+ 3 patches', self.repository.tool('linux', '--linux', str(self.own)))

    def test_a_tree_that_holds_a_topic_itself_gets_the_others(self) -> None:
        write(self.own, {'mm/vma.c': edited(3, 'return -333;')})
        sh('git', 'commit', '--quiet', '--all', '--message=mm: mine\n\nTopic: small',
           cwd=self.own)
        for _ in range(2):
            said = self.repository.tool('linux', '--linux', str(self.own))
            self.assertIn('+ 3 patches: small, large', said)
        self.assertIn('return -333;', (self.src() / 'mm' / 'vma.c').read_text())

    def test_topics_are_chosen(self) -> None:
        self.assertIn('+ 1 patches: small',
                      self.repository.tool('linux', '--linux', str(self.own), '--topics=small'))
        said = self.repository.tool('linux', '--topics=large')
        self.assertIn('base+large/src: linux 7.3.4 + 2 patches (linux-source-7.3 7.3.4-1): large',
                      said)
        self.assertIn('+ 0 patches', self.repository.tool('linux', '--topics=none'))
        self.assertIn("no topic 'lager', but small, large",
                      self.repository.tool('linux', '--topics=lager', status=2))

    def test_shallow_clones_and_linked_worktrees(self) -> None:
        write(self.own, {'mm/vma.c': edited(30, 'return 3030;')})
        sh('git', 'commit', '--quiet', '--all', '--message=more', cwd=self.own)
        shallow, linked = self.folder / 'shallow', self.folder / 'linked'
        sh('git', 'clone', '--quiet', '--depth=1', f'file://{self.own}', str(shallow))
        sh('git', 'worktree', 'add', '--quiet', str(linked), cwd=self.own)
        for tree in (shallow, linked):
            self.assertIn('+ 3 patches', self.repository.tool('linux', '--linux', str(tree)))
            made = next((self.repository.root / 'build' / 'worktrees').glob(f'{tree.name}-*'))
            sh('git', 'log', cwd=made / 'src')

    def test_work_in_the_made_tree_is_not_lost(self) -> None:
        self.repository.tool('linux', '--linux', str(self.own))
        write(self.src(), {'mm/vma.c': 'my work\n'})
        self.repository.tool('linux', '--linux', str(self.own))
        sh('git', 'commit', '--quiet', '--allow-empty', '--message=more', cwd=self.own)
        self.assertIn('uncommitted changes (mm/vma.c)',
                      self.repository.tool('linux', '--linux', str(self.own), status=2))
        self.assertEqual((self.src() / 'mm' / 'vma.c').read_text(), 'my work\n')

    def test_bad_trees(self) -> None:
        plain, other = self.folder / 'plain', self.folder / 'other'
        write(plain, KERNEL)
        write(other, {'README': 'no kernel\n'})
        sh('git', 'init', '--quiet', cwd=other)
        for tree, words in ((self.folder / 'none', 'does not exist'),
                            (self.own / 'Makefile', 'is a file'),
                            (plain, 'is not the root of a git tree'),
                            (self.own / 'mm', 'is not the root of a git tree'),
                            (other, 'has no commit')):
            self.assertIn(words, self.repository.tool('linux', '--linux', str(tree), status=2))
        sh('git', 'add', '.', cwd=other)
        sh('git', 'commit', '--quiet', '--message=x', cwd=other)
        self.assertIn('is no kernel tree',
                      self.repository.tool('linux', '--linux', str(other), status=2))


if __name__ == '__main__':
    unittest.main()
