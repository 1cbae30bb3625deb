# SPDX-License-Identifier: GPL-2.0
"""The series between files and commits: linux/patches onto a base, and back.

Applying never touches a working tree: it makes commit objects with an index
of its own.  The committer is the author, so that the same base and the same
patches give the same commit ids on every machine.
"""

import contextlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from . import cli, patches
from .git import Git, decode
from .patches import Patch


# A patch's form, with everything said that a configuration could change.
_AS_PATCH = (
    '--keep-subject', '--zero-commit', '--no-signature', '--no-numbered', '--full-index',
    '--binary', '--always', '--stat=72', '--patch', '--summary', '--find-renames',
    '--src-prefix=a/', '--dst-prefix=b/', '--suffix=.patch', '--filename-max-length=72',
    '--no-cover-letter', '--no-thread', '--no-attach', '--no-base', '--no-notes', '--no-to',
    '--no-cc', '--no-add-header', '--no-from', '--no-signoff', '--no-encode-email-headers',
    '--no-ext-diff', '--no-textconv')


class DoesNotApply(Exception):
    """A patch does not apply; says which, and at what file and hunk."""

    def __init__(self, patch: Patch, place: str) -> None:
        super().__init__(f'{patch.shown} does not apply: {place}')
        self.patch = patch


@dataclass(frozen=True)
class Applied:
    """A patch that is a commit now."""
    path: str
    digest: str
    commit: str

    @property
    def topic(self) -> str:
        """The topic of the patch."""
        return self.path.partition('/')[0]


@dataclass(frozen=True)
class Mail:
    """What a patch mail says beside the diff."""
    name: str
    email: str
    date: str
    message: str


def read_mail(git: Git, text: str, diff: Path) -> Mail:
    """Take a patch mail apart as `git am -k` does; the diff goes to a file."""
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / 'message'
        facts = git('mailinfo', '-k', '--no-scissors', '--encoding=UTF-8',
                    str(body), str(diff), stdin=text)
        said = dict(line.partition(': ')[::2] for line in facts.splitlines())
        message = said.get('Subject', '') + '\n\n' + decode(body.read_bytes())
    return Mail(said.get('Author', ''), said.get('Email', ''), said.get('Date', ''),
                message.strip('\n') + '\n')


def _identity(mail: Mail) -> Dict[str, str]:
    """Author and committer for git commit-tree."""
    date = f'@{mail.date}' if mail.date[:1].isdigit() else mail.date
    return {'GIT_AUTHOR_NAME': mail.name, 'GIT_COMMITTER_NAME': mail.name,
            'GIT_AUTHOR_EMAIL': mail.email, 'GIT_COMMITTER_EMAIL': mail.email,
            'GIT_AUTHOR_DATE': date, 'GIT_COMMITTER_DATE': date}


class Applier:
    """Makes commits of patches, with an index of its own."""

    def __init__(self, git: Git, folder: Path, three_way: bool = False) -> None:
        self._git = git
        self._diff = folder / 'diff'
        self._index = {'GIT_INDEX_FILE': str(folder / 'index')}
        self._three_way = three_way
        self._indexed = ''

    def commit(self, parent: str, patch: Patch) -> str:
        """The commit that the patch makes on its parent; the parent when it is there already."""
        if self._indexed != parent:
            self._git('read-tree', parent, env=self._index)
        self._indexed = ''
        mail = read_mail(self._git, patch.text, self._diff)
        if not mail.message.strip() or not mail.name:
            raise DoesNotApply(patch, 'it has no From: or Subject:')
        if not self._apply(parent, patch):
            return parent
        tree = self._git('write-tree', env=self._index)
        made = self._git.run('commit-tree', tree, '-p', parent,
                             stdin=patches.with_topic(mail.message, patch.topic),
                             env=_identity(mail))
        if made.status:
            raise DoesNotApply(patch, f'git commit-tree: {made.err.strip()}')
        self._indexed = made.out.strip()
        return self._indexed

    def _apply(self, parent: str, patch: Patch) -> bool:
        """Apply the diff to the index; False when it was there before."""
        apply = ('apply', '--cached', '--whitespace=nowarn')
        done = self._git.run(*apply, str(self._diff), env=self._index)
        if done.status == 0:
            return True
        if self._three_way:
            if self._git.run(*apply, '--reverse', '--check', str(self._diff),
                             env=self._index).status == 0:
                return False
            if self._git.run(*apply, '--3way', str(self._diff), env=self._index).status == 0:
                return True
            self._git('read-tree', parent, env=self._index)
        raise DoesNotApply(patch, _place(patch, done.err))


def _place(patch: Patch, complaint: str) -> str:
    """From git apply's complaint: which file, which hunk."""
    found = re.search(r'^error: patch failed: (.*):(\d+)$', complaint, re.MULTILINE)
    if not found:
        first = re.search(r'^error: (.*)$', complaint, re.MULTILINE)
        return first.group(1) if first else complaint.strip() or 'no message from git apply'
    name, line = found.groups()
    hunks = _hunks(patch, name)
    if line not in hunks:
        return f'{name}, line {line}'
    return f'{name}, hunk {hunks.index(line) + 1} of {len(hunks)} (line {line})'


def _hunks(patch: Patch, name: str) -> List[str]:
    """The first old lines of a file's hunks."""
    for part in re.split(r'^diff --git ', patch.diff, flags=re.MULTILINE):
        if f' b/{name}\n' in part or f'--- a/{name}\n' in part:
            return re.findall(r'^@@ -(\d+)', part, re.MULTILINE)
    return []


@contextlib.contextmanager
def applier(git: Git, three_way: bool = False) -> Iterator[Applier]:
    """An Applier whose temporary files go away."""
    with tempfile.TemporaryDirectory(prefix='sandbox-', dir=git.folder) as folder:
        yield Applier(git, Path(folder), three_way)


class Chain:
    """Commits of a series on a base, as far as they go."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.applied: List[Applied] = []
        self.failed: Optional[DoesNotApply] = None

    @property
    def tip(self) -> str:
        """The last commit."""
        return self.applied[-1].commit if self.applied else self.base


def build(git: Git, base: str, wanted: Sequence[Patch], known: Sequence[Applied]) -> Chain:
    """Put patches on the base until one does not apply; known commits are used again."""
    chain = Chain(base)
    for patch, before in zip(wanted, known):
        if (patch.path, patch.digest) != (before.path, before.digest):
            break
        chain.applied.append(before)
    if not git.commit(chain.tip):
        chain.applied.clear()
    rest = wanted[len(chain.applied):]
    if not rest:
        return chain
    with applier(git) as make:
        for number, patch in enumerate(rest, len(chain.applied) + 1):
            if number % 10 == 0:
                cli.say(f'applying the series: {number} of {len(wanted)} patches')
            try:
                made = make.commit(chain.tip, patch)
            except DoesNotApply as cause:
                chain.failed = cause
                break
            chain.applied.append(Applied(patch.path, patch.digest, made))
    return chain


def build_topics(git: Git, base: str, wanted: Sequence[Patch]
                 ) -> Tuple[Chain, List[DoesNotApply]]:
    """Put patches on a foreign base; a topic of which one patch fails is left out."""
    failures: List[DoesNotApply] = []
    made: Dict[Tuple[str, str], str] = {}
    with applier(git, three_way=True) as make:
        while True:
            left_out = {failure.patch.topic for failure in failures}
            chain = Chain(base)
            try:
                for patch in wanted:
                    if patch.topic in left_out:
                        continue
                    step = (chain.tip, patch.path)
                    if step not in made:
                        made[step] = make.commit(chain.tip, patch)
                    chain.applied.append(Applied(patch.path, patch.digest, made[step]))
                return chain, failures
            except DoesNotApply as cause:
                failures.append(cause)


def mbox(rest: Sequence[Patch]) -> str:
    """Patches for `git am`, each with the trailer that names its topic."""
    return ''.join(_mail_with_topic(patch) for patch in rest)


def _mail_with_topic(patch: Patch) -> str:
    end = re.search(r'^(---$|diff --git )', patch.text, re.MULTILINE)
    if not end:
        return patch.text
    return f'{patch.text[:end.start()]}\nTopic: {patch.topic}\n{patch.text[end.start():]}\n'


# From commits to patches.

@dataclass(frozen=True)
class Commit:
    """A commit of the kernel tree."""
    id: str
    parents: Tuple[str, ...]
    tree: str
    mail: Mail

    @property
    def shown(self) -> str:
        """Its short id and subject."""
        return f"{self.id[:12]} ('{self.mail.message.splitlines()[0]}')" \
            if self.mail.message.strip() else self.id[:12]

    @property
    def topic(self) -> Optional[str]:
        """The topic that its message names."""
        return patches.topic_of(self.mail.message)


def commits(git: Git, base: str, tip: str) -> List[Commit]:
    """The commits from base (not included) to tip, oldest first."""
    fields = '%x00'.join(('%H', '%P', '%T', '%an', '%ae', '%ad', '%B', ''))
    text = git('log', '--reverse', '--topo-order', '--date=raw', '--no-show-signature',
               f'--format=tformat:{fields}', f'{base}..{tip}')
    parts = text.split('\0')
    found = []
    for start in range(0, len(parts) - 7, 7):
        commit, parents, tree, name, email, date, message = parts[start:start + 7]
        found.append(Commit(commit.strip(), tuple(parents.split()), tree,
                            Mail(name, email, date, message.strip('\n') + '\n')))
    return found


def again(git: Git, commit: Commit, parent: str, topic: str) -> str:
    """A commit again on another parent, with a topic if it names none."""
    message = commit.mail.message
    if commit.topic is None:
        message = patches.with_topic(message, topic)
    return git('commit-tree', commit.tree, '-p', parent, stdin=message,
               env=_identity(commit.mail))


def export(git: Git, base: str, chain: Sequence[Commit], kept: Sequence[Patch]) -> List[Patch]:
    """Commits on the base as patch files; the first ones are those that are kept."""
    exported: List[Patch] = list(kept)
    numbers: Dict[str, int] = {}
    for patch in kept:
        numbers[patch.topic] = numbers.get(patch.topic, 0) + 1
    rest = chain[len(kept):]
    parent = chain[len(kept) - 1].id if kept else base
    for commit, text, name in zip(rest, *_formatted(git, parent, rest)):
        topic = commit.topic or ''
        numbers[topic] = numbers.get(topic, 0) + 1
        exported.append(Patch(f'{topic}/{numbers[topic]:04d}-{name}', text))
    return exported


def _formatted(git: Git, base: str, chain: Sequence[Commit]) -> Tuple[List[str], List[str]]:
    """Texts and names (subject.patch) of the commits' patches, without topics."""
    with tempfile.TemporaryDirectory() as folder:
        tip = base
        for commit in chain:
            mail = commit.mail
            tip = git('commit-tree', commit.tree, '-p', tip,
                      stdin=patches.without_topic(mail.message), env=_identity(mail))
        git('format-patch', '--quiet', '--output-directory', folder, *_AS_PATCH, f'{base}..{tip}')
        names = sorted(os.listdir(folder), key=lambda name: int(name.partition('-')[0]))
        texts = [decode((Path(folder) / name).read_bytes()) for name in names]
    if len(names) != len(chain):
        raise cli.CannotTest(f'git format-patch wrote {len(names)} patches for '
                             f'{len(chain)} commits')
    return texts, [_file_name(name) for name in names]


def _file_name(name: str) -> str:
    """The name that git gives a patch, less its number and a cut-off word's hyphen."""
    return name.partition('-')[2][:-len('.patch')].rstrip('-.') + '.patch'


def prove(git: Git, parent: str, chain: Sequence[Commit], exported: Sequence[Patch]) -> None:
    """Apply the exported patches again: each must give back its commit."""
    with applier(git) as make:
        for commit, patch in zip(chain, exported):
            if not patch.diff:
                raise cli.CannotTest(f'{commit.shown} changes nothing: drop it (git rebase -i)')
            try:
                parent = make.commit(parent, patch)
            except DoesNotApply as cause:
                raise cli.CannotTest(f'{commit.shown} does not survive as a patch: {cause}; '
                                     'reword it') from cause
            again = commits(git, f'{parent}^', parent)[0]
            if (again.tree, _comparable(again.mail)) != (commit.tree, _comparable(commit.mail)):
                raise cli.CannotTest(f'{commit.shown} does not survive as a mail: '
                                     f'{_difference(commit, again)}; reword it')


def _comparable(mail: Mail) -> Mail:
    """Author, date and message less the topic, which may stand elsewhere."""
    return Mail(mail.name, mail.email, mail.date, patches.without_topic(mail.message))


def _difference(commit: Commit, again: Commit) -> str:
    """What a mail would lose of a commit."""
    if commit.tree != again.tree:
        return 'its changes come back different'
    if (commit.mail.name, commit.mail.email) != (again.mail.name, again.mail.email):
        return f"its author would be '{again.mail.name} <{again.mail.email}>'"
    before = patches.without_topic(commit.mail.message).splitlines()
    after = patches.without_topic(again.mail.message).splitlines()
    for line, (one, other) in enumerate(zip(before + [''], after + ['']), 1):
        if one != other:
            return f"line {line} of its message, '{one}', would be '{other}'"
    return 'its message or date would change'
