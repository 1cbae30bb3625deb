# SPDX-License-Identifier: GPL-2.0
"""Keeping the series: the round trip, and never losing a change."""

import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Callable, Dict, Tuple
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from fake_kernel import MM, Repository, edited, example, make_package, sh, write  # noqa: E402
from sandbox import cli, patches  # noqa: E402

# Messages of which a careless exporter would lose something.
MESSAGES = {
    'a body': 'mm: why\n\nBecause.\n\nAnd more.\n',
    'no body': 'mm: no body at all\n',
    'brackets': '[PATCH] mm: brackets [v2]\n\nKept.\n',
    'reply': 'Re: [RFC] mm: looks like a reply\n\nKept.\n',
    'trailers': 'mm: trailers\n\nBody.\n\nFixes: 123456789012 ("mm: x")\nCc: <a@example.org>\n',
    'subject like a trailer': 'Topic: odd\n\nBody.\n',
    'another topic in the text': 'mm: mentions\n\nTopic: other\n\nis what others use.\n',
    'not ASCII': 'mm: Größe – 大きさ\n\nÄrger, ½.\n',
    'long': 'mm: ' + 'a very long subject that a mail header must fold ' * 3 + 'end\n\nBody.\n',
    'words that begin a diff': 'mm: words\n\ndiff of the two\n---- no separator\n--\nIndexes: x\n',
    'indented': 'mm: indented\n\n  ---\n  diff --git a/x b/x\n\ttab\n',
    'from': 'mm: from\n\nFrom here on\n>From there\nFrom: the text\n',
    'scissors': 'mm: scissors\n\n-- >8 --\n\nKept.\n',
    'blank lines': 'mm: blank\n\nOne.\n\n\n\nTwo.\n',
}
AUTHORS = {
    'plain': {'GIT_AUTHOR_DATE': '2001-02-03T04:05:06+0530'},
    'comma': {'GIT_AUTHOR_NAME': 'Doe, Jane', 'GIT_AUTHOR_DATE': '@86400 -1100'},
    'not ASCII': {'GIT_AUTHOR_NAME': 'Jörg 李', 'GIT_AUTHOR_EMAIL': 'jörg@example.org'},
    'dots and quotes': {'GIT_AUTHOR_NAME': 'J. "Q" (R) Doe', 'GIT_AUTHOR_EMAIL': 'a+b@c-d.e'},
}
CONFUSING = '''
[diff]
noprefix = true
mnemonicPrefix = true
algorithm = patience
context = 1
external = /bin/false
renames = false
[color]
ui = always
[core]
autocrlf = true
abbrev = 7
quotePath = true
hooksPath = /tmp
[format]
signature = signed
subjectPrefix = CONFUSED
from = true
attach = true
numbered = true
signOff = true
useAutoBase = true
suffix = .txt
encodeEmailHeaders = true
notes = true
[commit]
gpgSign = true
[log]
showSignature = true
date = relative
[mailinfo]
scissors = true
[i18n]
commitEncoding = latin1
logOutputEncoding = latin1
[user]
name = Nobody
email = nobody@localhost
'''


class Series(unittest.TestCase):
    """A repository with a series of three patches, on a kernel that is installed."""

    shared: tempfile.TemporaryDirectory  # type: ignore[type-arg]
    template: Repository

    @classmethod
    def setUpClass(cls) -> None:
        cls.shared = tempfile.TemporaryDirectory(prefix='sandbox series ')
        cls.addClassCleanup(cls.shared.cleanup)
        folder = Path(cls.shared.name)
        sh('dpkg-deb', '-x', str(make_package(folder)), str(folder))
        cls.template = Repository(folder)
        cls.template.use_installed(folder / 'usr' / 'src')
        example(cls.template)

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory(prefix='sandbox series ')
        self.addCleanup(temporary.cleanup)
        self.repository = Repository(Path(temporary.name), like=self.template)
        self.git = self.repository.git

    def export(self, *arguments: str) -> str:
        """make series."""
        return self.repository.tool('series', *arguments)

    def refused(self, *words: str) -> None:
        """make series refuses with these words, and changes nothing."""
        before = self.repository.patches(), self.git('rev-parse', 'HEAD')
        complaint = self.repository.tool('series', status=2).splitlines()[-1]
        for word in words:
            self.assertIn(word, complaint)
        self.assertEqual((self.repository.patches(), self.git('rev-parse', 'HEAD')), before)

    def again(self, keep_state: bool = False) -> None:
        """Make the tree anew from the patches, and forget what the patches made."""
        shutil.rmtree(self.repository.src)
        self.repository.tool('linux')
        if not keep_state:
            (self.repository.src / '.git' / 'sandbox-state').unlink()

    def log(self) -> str:
        """All that the commits say."""
        return self.git('log', '--reverse', '--format=%T%n%an%n%ae%n%ad%n%B', '--date=raw',
                        'base..sandbox')


class RoundTrip(Series):
    """Patches to tree to patches, and tree to patches to tree."""

    def returns(self) -> None:
        """Export; both round trips are the identity."""
        self.export()
        log, exported = self.log(), self.repository.patches()
        self.again()
        self.assertEqual(self.log(), log)
        self.assertEqual(self.export(), 'linux/patches is what linux/src holds already\n')
        self.assertEqual(self.repository.patches(), exported)
        self.repository.tool('series', '--check')

    def test_messages(self) -> None:
        for number, message in enumerate(MESSAGES.values()):
            message = patches.with_topic(message, 'messages')
            self.repository.commit(message, {'mm/vma.c': edited(number + 5, f'return {-number};')})
        self.returns()
        log = self.log()
        for name, message in MESSAGES.items():
            self.assertIn(message, log, name)

    def test_authors(self) -> None:
        for number, (name, author) in enumerate(AUTHORS.items()):
            self.repository.commit(f'mm: {name}\n\nTopic: authors\n',
                                   {'mm/vma.c': edited(number + 5, 'return 77;')}, **author)
        self.returns()

    def test_contents(self) -> None:
        src = self.repository.src
        steps: Tuple[Callable[[], object], ...] = (
            lambda: (src / 'lib' / 'crlf.txt').write_bytes(b'one\r\n2\r\n'),
            lambda: (src / 'mm' / 'latin1').write_bytes(b'Gr\xf6\xdfe\n'),
            lambda: (src / 'mm' / 'latin1').write_bytes(b'Gr\xf6\xdfer\nno newline'),
            lambda: (src / 'mm' / 'binary').write_bytes(bytes(range(256)) * 9),
            lambda: (src / 'mm' / 'empty').write_bytes(b''),
            lambda: (src / 'mm' / 'vma.c').chmod(0o755),
            lambda: (src / 'mm' / 'link').symlink_to('vma.c'),
            lambda: (src / 'mm' / 'vma.c').rename(src / 'mm' / 'a name with spaces.c'),
            lambda: (src / 'mm' / 'a name with spaces.c').write_text(MM.replace('20', '21')),
            lambda: (src / 'mm' / 'binary').unlink(),
            lambda: (src / 'mm' / 'Größe').write_text('From here\n--- a/x\n+++ b/x\n-- \n'),
            lambda: (src / 'mm' / 'Größe').write_text('-- a/x\n++ b/x\n@@ -1 +1 @@\n'),
        )
        for number, step in enumerate(steps):
            step()
            self.repository.commit(f'mm: step {number}\n\nTopic: contents\n', {})
        self.returns()

    def test_topics_that_alternate_keep_their_order(self) -> None:
        for number, topic in enumerate(('small', 'large', 'small')):
            self.repository.commit(f'mm: step {number}\n\nTopic: {topic}\n',
                                   {'mm/new.c': f'{number};\n'})
        self.returns()
        self.assertEqual([line.partition('-')[0] for line in
                          self.repository.patches()['series'].decode().splitlines()[1:]],
                         ['small/0001', 'large/0001', 'large/0002', 'small/0002', 'large/0003',
                          'small/0003'])

    def test_whatever_git_is_configured_to_do(self) -> None:
        exported = self.repository.patches()
        config = self.repository.root / 'gitconfig'
        config.write_text(CONFUSING)
        with open(self.repository.src / '.git' / 'config', 'a', encoding='utf-8') as own:
            own.write(CONFUSING)
        (self.repository.src / '.git' / 'sandbox-state').unlink()
        environment = self.repository.environment

        def confused(**more: str) -> Dict[str, str]:
            return environment(GIT_CONFIG_GLOBAL=str(config), GIT_DIR='/nonexistent',
                               GIT_DIFF_OPTS='--unified=1', GIT_EXTERNAL_DIFF='/bin/false',
                               GIT_AUTHOR_DATE='yesterday', LC_ALL='C.UTF-8', **more)

        self.repository.environment = confused  # type: ignore
        self.export()
        self.assertEqual(self.repository.patches(), exported)


class Changes(Series):
    """What make series says and does."""

    def test_added_changed_renamed_removed(self) -> None:
        self.git('reset', '--quiet', '--hard', 'HEAD~1')
        self.repository.commit('mm: 2.5\n\nTopic: large\n', {'mm/between.c': '1;\n'})
        self.repository.commit('mm: three\n\nTopic: large\n', {'mm/new.c': 'int newer;\n'})
        self.assertEqual(self.export(), 'added     large/0002-mm-2.5.patch\n'
                         'renamed   large/0002-mm-three.patch -> large/0003-mm-three.patch\n')
        self.git('rebase', '--quiet', '--onto', 'HEAD~2', 'HEAD~1')
        self.git('commit', '--quiet', '--amend', '--message=mm: three\n\nNow why.\n\nTopic: large')
        self.assertEqual(self.export(), 'renamed   large/0003-mm-three.patch -> '
                         'large/0002-mm-three.patch\nremoved   large/0002-mm-2.5.patch\n')
        self.git('reset', '--quiet', '--hard', 'base')
        self.export()
        self.assertEqual(os.listdir(self.repository.root / 'linux' / 'patches'), [])

    def test_the_topic_is_not_in_the_file_and_other_trailers_are(self) -> None:
        self.repository.commit('mm: four\n\nWhy.\n\nFixes: 1\nTopic: small\nCc: you\n',
                               {'mm/four.c': '4;\n'})
        self.export()
        text = self.repository.patches()['small/0002-mm-four.patch'].decode()
        self.assertIn('\n\nWhy.\n\nFixes: 1\nCc: you\n---\n', text)
        self.assertTrue(text.startswith(f'From {"0" * 40} '))
        self.assertIn('\nSubject: mm: four\n', text)

    def test_unchanged_patches_keep_their_bytes(self) -> None:
        path = self.repository.root / 'linux' / 'patches' / 'small' / '0001-mm-one.patch'
        path.write_text(path.read_text().replace('---\n', '---\nA note to reviewers.\n', 1))
        self.repository.tool('linux')
        self.repository.commit('mm: four\n\nTopic: small\n', {'mm/four.c': '4;\n'})
        self.assertEqual(self.export(), 'added     small/0002-mm-four.patch\n')
        self.assertIn('A note to reviewers.', path.read_text())

    def test_check_sees_every_difference_and_writes_nothing(self) -> None:
        exported = self.repository.patches()
        self.repository.tool('series', '--check')
        write(self.repository.src, {'mm/vma.c': 'edited\n'})
        self.assertIn('not committed mm/vma.c', self.repository.tool('series', '--check', status=1))
        self.git('commit', '--quiet', '--all', '--message=mm: x\n\nTopic: small')
        self.assertIn('added     small/0002-mm-x.patch',
                      self.repository.tool('series', '--check', status=1))
        self.assertEqual(self.repository.patches(), exported)

    def test_names_for_the_nameless(self) -> None:
        self.repository.commit('mm: four\n\nWhy.\n', {'mm/four.c': '4;\n'})
        self.repository.commit('mm: five\n\nTopic: small\n', {'mm/five.c': '5;\n'})
        self.refused('no topic in ', "('mm: four')", '--trailer', 'make series TOPIC=NAME')
        self.assertIn('added     fresh/0001-mm-four.patch', self.export('--topic=fresh'))
        self.assertEqual(self.git('show', '-s', '--format=%B', 'HEAD~1'),
                         'mm: four\n\nWhy.\n\nTopic: fresh')
        self.assertEqual(self.git('status', '--porcelain'), '')
        self.repository.tool('series', '--check')
        self.assertIn('+ 5 patches', self.repository.tool('linux'))


class Refusals(Series):
    """What an export would lose."""

    def test_uncommitted_changes(self) -> None:
        write(self.repository.src, {'mm/vma.c': 'edited\n'})
        self.refused('uncommitted changes (mm/vma.c)')
        self.git('add', 'mm/vma.c')
        self.refused('uncommitted changes (mm/vma.c)')

    def test_files_that_nobody_added_are_named(self) -> None:
        write(self.repository.src, {'mm/forgotten.c': 'x\n'})
        self.assertIn('in no patch: mm/forgotten.c', self.export())

    def test_a_patch_that_came_after_the_tree_got_work(self) -> None:
        path = self.repository.root / 'linux' / 'patches' / 'large' / '0002-mm-three.patch'
        self.repository.commit('mm: mine\n\nTopic: small\n', {'mm/mine.c': '1;\n'})
        path.write_text(path.read_text().replace('int newer', 'int theirs'))
        self.refused('does not hold what is in linux/patches/large/0002-mm-three.patch',
                     'OVERWRITE=1')
        self.export('--overwrite=1')
        self.assertIn('int newer', path.read_text())

    def test_a_patch_that_is_not_in_the_tree(self) -> None:
        write(self.repository.root, {'linux/patches/small/0009-theirs.patch': 'theirs\n'})
        self.repository.commit('mm: mine\n\nTopic: small\n', {'mm/mine.c': '1;\n'})
        self.refused('does not hold what is in linux/patches/small/0009-theirs.patch')

    def test_other_files_beside_the_patches_stay(self) -> None:
        write(self.repository.root, {'linux/patches/small/cover-letter': 'Dear list\n'})
        self.git('reset', '--quiet', '--hard', 'base')
        self.export()
        self.assertEqual(sorted(self.repository.patches()), ['series', 'small/cover-letter'])

    def test_merges(self) -> None:
        self.git('checkout', '--quiet', '-b', 'side', 'HEAD~1')
        self.repository.commit('side\n\nTopic: small\n', {'mm/side.c': '1;\n'})
        self.git('checkout', '--quiet', 'sandbox')
        self.git('merge', '--quiet', '--no-edit', 'side')
        self.refused('is a merge')

    def test_another_branch_or_none(self) -> None:
        self.git('checkout', '--quiet', '-b', 'side')
        self.refused('is on side', 'switch sandbox')
        self.git('checkout', '--quiet', '--detach')
        self.refused('is on a detached HEAD')

    def test_a_branch_that_left_its_base(self) -> None:
        self.git('checkout', '--quiet', '--orphan', 'fresh')
        self.git('commit', '--quiet', '--message=alone')
        self.git('branch', '--force', 'sandbox')
        self.git('checkout', '--quiet', 'sandbox')
        self.refused('does not stand on its tag base')

    def test_in_the_middle_of_a_rebase(self) -> None:
        self.git('-c', 'sequence.editor=sed -i 1s/pick/edit/', 'rebase', '--quiet', '-i', 'base')
        self.refused('in the middle of a git rebase')

    def test_empty_commits_and_bad_topics(self) -> None:
        head = self.git('rev-parse', 'HEAD')
        cases: Tuple[Tuple[str, Dict[str, str], str], ...] = (
            ('nothing\n\nTopic: small\n', {}, 'changes nothing'),
            ('up\n\nTopic: ../up\n', {'mm/x.c': 'x\n'}, 'cannot be a topic'),
            ('two\n\nTopic: small\nTopic: large\n', {'mm/x.c': 'x\n'}, 'names two topics'))
        for message, files, words in cases:
            write(self.repository.src, files)
            self.git('add', '--all')
            self.git('commit', '--quiet', '--allow-empty', f'--message={message}')
            self.refused(words)
            self.git('reset', '--quiet', '--hard', head)

    def test_messages_that_a_mail_cannot_carry(self) -> None:
        for line in ('---', 'diff --git a/x b/x', '--- a/mm/vma.c', 'Index: mm/vma.c', '-- ',
                     'Date: never', 'Subject: another'):
            before = '' if line[:4] in ('Date', 'Subj') else 'Before.\n'
            self.repository.commit(f'mm: x\n\n{before}{line}\nAfter.\n\nTopic: small\n',
                                   {'mm/vma.c': edited(9, 'return 99;')})
            self.refused("('mm: x')", 'does not survive', 'reword it')
            self.git('reset', '--quiet', '--hard', 'HEAD~1')

    def test_without_a_tree(self) -> None:
        shutil.rmtree(self.repository.src)
        self.assertIn('no linux/src yet: make linux', self.repository.tool('series', status=2))

    def test_a_killed_export_is_ended_by_the_next(self) -> None:
        self.repository.commit('mm: one more\n\nTopic: aaa\n', {'mm/more.c': '1;\n'})
        self.git('-c', 'sequence.editor=sed -i "1{h;d};2G"', 'rebase', '--quiet', '-i', 'base')
        before = {name: (self.repository.root / 'linux' / 'patches' / name).read_bytes()
                  for name in self.repository.patches() if name != 'series'}
        series = (self.repository.root / 'linux' / 'series').read_bytes()
        self.export()
        whole = self.repository.patches()
        written = sorted(set(whole) - {'series'})
        state = self.repository.src / '.git' / 'sandbox-state'
        for killed_after in range(len(written)):
            folder = self.repository.root / 'linux' / 'patches'
            state.unlink(missing_ok=True)
            for name, content in before.items():
                write_bytes(folder / name, content)
            for name in written[:killed_after]:
                write_bytes(folder / name, whole[name])
            write_bytes(folder.parent / 'series', series)
            self.export('--overwrite')
            self.assertEqual(self.repository.patches(), whole)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class Format(unittest.TestCase):
    """linux/series and topics, without git."""

    def test_adding_and_taking_out_the_topic_are_inverse(self) -> None:
        for name, message in MESSAGES.items():
            named = patches.with_topic(message, 'x-1')
            self.assertEqual(patches.topic_of(named), 'x-1', name)
            self.assertEqual(patches.without_topic(named), message, name)
            self.assertEqual(named.splitlines()[-1], 'Topic: x-1', name)

    def test_series_files_that_are_wrong(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            series = Path(folder) / 'series'
            write(Path(folder), {'patches/a/0001-x.patch': 'x'})
            for name, path in (('SERIES', series), ('FOLDER', series.parent / 'patches')):
                patcher = mock.patch.object(patches, name, path)
                patcher.start()
                self.addCleanup(patcher.stop)
            for text, words in (('a/0001-x.patch\na/0001-x.patch\n', ':2: .* a second time'),
                                ('../0001-x.patch\n', ':1: .* not .topic'),
                                ('# fine\nnonsense\n', ':2: '),
                                ('a/0002-y.patch\n', 'No such file')):
                series.write_text(text)
                with self.assertRaisesRegex(cli.CannotTest, words):
                    patches.load()
            series.write_text('# comment\n\na/0001-x.patch  # why\n')
            self.assertEqual([patch.path for patch in patches.load()], ['a/0001-x.patch'])


if __name__ == '__main__':
    unittest.main()
