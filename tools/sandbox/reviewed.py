# SPDX-License-Identifier: GPL-2.0
"""What is reviewed: patches from mails, a range or uncommitted work, as commits.

They are made in a checkout of their own, build/worktrees/review*, which borrows
the objects of the tree that they are for: neither linux/src nor the user's own
tree is touched.  Where the tip is what linux/src holds anyway, and only the tip
is wanted, its own warm builds serve.
"""

import argparse
import contextlib
import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

from coverage import CoverageError, diff
from coverage.diff import FileDiff

from . import borrowed, cli, configs, git, mails, measure, patches, paths, proc, provision, series
from .checkout import Checkout
from .mails import Mails, PatchMail
from .tree import Tree

SUITES_TOPIC = 'kunit-suites'
UNCOMMITTED = 'uncommitted changes'


@dataclass(frozen=True)
class Step:
    """A patch as a commit on its parent; files are its diff, mail its text for checkpatch."""
    number: int
    subject: str
    commit: str
    parent: str
    mail: str
    files: Tuple[FileDiff, ...]

    @property
    def touched(self) -> List[str]:
        """The files that it writes to."""
        return [file.path for file in self.files if not file.deleted]


@dataclass(frozen=True)
class Change:
    """The patches on their base, in the checkout `tree`.

    tested: the commit whose kernel runs the suites: the last patch, or, where
    that lacks a topic, a later one that does not.  stepwise: whether each can
    be built and tested by itself.  signed: whether they came as mails, which
    have to be signed off.  in_place: the tree holds what is tested, and stays
    as it is.
    """
    tree: Tree
    base: str
    steps: Tuple[Step, ...]
    title: str
    tested: str
    notes: Tuple[str, ...] = ()
    signed: bool = False
    in_place: bool = False
    stepwise: bool = True

    @property
    def tip(self) -> str:
        """The last patch."""
        return self.steps[-1].commit

    def go(self, commit: str) -> Tree:
        """Bring the checkout to a commit."""
        if self.in_place:
            assert commit == self.tested
            return self.tree
        checkout = Checkout(self.tree.src)
        checkout.git('checkout', '--quiet', '--force', '--detach', commit)
        checkout.link()
        return self.tree


def change(options: argparse.Namespace) -> Change:
    """The change that the options name."""
    if options.series and options.range:
        raise cli.CannotTest('SERIES and RANGE exclude each other')
    if options.range:
        return _range(options)
    if options.series:
        found = mails.load(Path(options.series).expanduser())
        tree = provision.tree(options)
        return _applied(tree, git.Git(tree.src).head().commit, found, True)
    return _own_work(options)


def _range(options: argparse.Namespace) -> Change:
    """RANGE=A..B of linux/src, or of the user's own tree."""
    first, dots, last = options.range.partition('..')
    if not dots or last.startswith('.') or not first:
        raise cli.CannotTest(f"RANGE={options.range}: a range is 'A..B', both commits")
    if options.linux or options.topics is not None:
        return _foreign_range(options, first, last or 'HEAD')
    tree = provision.tree(options)
    repository = git.Git(tree.src)
    ends = [repository.commit(name) for name in (first, last or 'HEAD')]
    for name, commit in zip((first, last), ends):
        if not commit:
            raise cli.CannotTest(f"RANGE={options.range}: {paths.shown(tree.src)} has no commit "
                                 f"'{name}'")
    base = repository('merge-base', *ends)
    return _commits(tree, base, ends[1], options.range, options.tip)


def _commits(tree: Tree, base: str, tip: str, title: str, only_tip: bool) -> Change:
    """Commits of linux/src, as they are."""
    repository = git.Git(tree.src)
    listed = series.commits(repository, base, tip)
    if not listed:
        raise cli.CannotTest(f'{title} holds no commit')
    merges = [commit.shown for commit in listed if len(commit.parents) > 1]
    if merges:
        raise cli.CannotTest(f'{title} holds the merge {merges[0]}: give a range without')
    steps = tuple(_step(repository, number, commit.id, commit.mail.message)
                  for number, commit in enumerate(listed, 1))
    tested, notes = tip, []
    lacking = _lacking(repository, tip)
    stepwise = SUITES_TOPIC not in _lacking(repository, base) and not only_tip
    if lacking:
        tested = repository.head().commit
        if not repository.contains(tip, tested) or _lacking(repository, tested):
            raise cli.CannotTest(f'{title}: its last commit does not have the topic {lacking[0]}, '
                                 'without which nothing can be tested')
        notes.append(f'measured in {tested[:12]}: the range itself has no topic {lacking[0]}')
    one = steps[0].subject if len(steps) == 1 else title
    in_place = not stepwise and tested == repository.head().commit and \
        not repository.edited()
    here = tree if in_place else _with_topics(_checkout(tree, tip), repository, tested)
    return Change(here, base, steps, one, tested, tuple(notes), in_place=in_place,
                  stepwise=stepwise)


def _lacking(repository: git.Git, commit: str) -> List[str]:
    """The topics that testing needs and a commit does not have."""
    base = repository.commit('base')
    held = {one.topic for one in series.commits(repository, base, commit)} if base else set()
    return [topic for topic in (SUITES_TOPIC, measure.TOPIC, measure.BY_TEST)
            if topic not in held]


def _with_topics(tree: Tree, repository: git.Git, commit: str) -> Tree:
    base = repository.commit('base')
    held = [one.topic for one in series.commits(repository, base, commit) if one.topic]
    return dataclasses.replace(tree, topics=tuple(dict.fromkeys(held)), patches=len(held))


def _step(repository: git.Git, number: int, commit: str, message: str) -> Step:
    text = repository('diff-tree', '--no-commit-id', '-r', '-p', '--binary', '-M', commit)
    said = repository('format-patch', '--stdout', '--keep-subject', '-1', '--no-signature', commit)
    return Step(number, message.splitlines()[0] if message.strip() else commit[:12], commit,
                repository.commit(f'{commit}^'), said, tuple(_parsed(text, commit)))


def _parsed(text: str, commit: str) -> List[FileDiff]:
    try:
        return diff.parse(text)
    except CoverageError as cause:
        raise cli.CannotTest(f'the diff of {commit[:12]}: {cause}') from cause


def _foreign_range(options: argparse.Namespace, first: str, last: str) -> Change:
    """A range of the user's own tree: its patches on its base with our series."""
    own = Path(options.linux).expanduser().resolve() if options.linux else paths.SRC
    ends = []
    for name in (first, last):
        done = borrowed.ask(own, 'rev-parse', '--verify', '--quiet', f'{name}^{{commit}}')
        if done.status:
            raise cli.CannotTest(f"RANGE={options.range}: LINUX={own} has no commit '{name}'")
        ends.append(done.out)
    base = borrowed.ask(own, 'merge-base', *ends).out
    text = borrowed.ask(own, 'format-patch', '--stdout', '--no-signature', '--binary',
                        f'{base}..{ends[1]}').out
    if not text:
        raise cli.CannotTest(f'RANGE={options.range} holds no commit')
    found = mails.from_text(text, options.range)
    tree = provision.tree(options, revision=base)
    return _applied(tree, git.Git(tree.src).head().commit, found, False)


def _own_work(options: argparse.Namespace) -> Change:
    """What is not committed; without that, the commits on top of the series."""
    tree = provision.tree(options)
    own = Path(options.linux).expanduser().resolve() if options.linux else tree.src
    text = _uncommitted(own)
    head = git.Git(tree.src).head().commit
    if text:
        patch = mails.plain(text, UNCOMMITTED)
        patch.number = patch.total = 1
        if options.tip and own == tree.src:
            step = Step(1, UNCOMMITTED, UNCOMMITTED, head, patch.as_mail(), tuple(patch.files))
            return Change(tree, head, (step,), UNCOMMITTED, UNCOMMITTED, in_place=True,
                          stepwise=False)
        return _applied(tree, head, Mails([patch], UNCOMMITTED), False)
    state = Checkout(tree.src).state()
    if not options.linux and state and state.tip != head and git.Git(tree.src).contains(
            state.tip, head):
        return _commits(tree, state.tip, head, 'commits on top of the series', options.tip)
    raise cli.CannotTest(f'{paths.shown(own)} has no uncommitted change: give SERIES=FILE or '
                         'RANGE=A..B')


def _uncommitted(own: Path) -> str:
    """The diff of a working tree to its HEAD, new files included."""
    text = borrowed.ask(own, 'diff', '--binary', '--no-ext-diff', '--no-color', 'HEAD').out
    text += '\n' if text else ''
    untracked = borrowed.ask(own, 'ls-files', '-z', '--others', '--exclude-standard').out
    for name in filter(None, untracked.split('\0')):
        text += borrowed.ask(own, 'diff', '--binary', '--no-color', '--no-index', '/dev/null',
                             name).out + '\n'
    return text


def _applied(tree: Tree, base: str, found: Mails, signed: bool) -> Change:
    """Make commits of mails on a base."""
    for topic in (measure.TOPIC, SUITES_TOPIC):
        if topic not in tree.topics:
            raise cli.CannotTest(f'{paths.shown(tree.src)} does not have the topic {topic}, '
                                 'without which nothing can be tested')
    here = _checkout(tree, base)
    repository = git.Git(here.src)
    steps: List[Step] = []
    parent = base
    with series.applier(repository) as make:
        for mail in found.patches:
            parent = _commit(make, parent, mail, steps)
    return Change(here, base, tuple(steps), found.title, parent, tuple(found.notes), signed)


def _commit(make: series.Applier, parent: str, mail: PatchMail, steps: List[Step]) -> str:
    name = f'review/{mail.number:04d}-patch.patch'
    try:
        made = make.commit(parent, patches.Patch(name, mail.as_mail()))
    except series.DoesNotApply as cause:
        place = str(cause).partition('does not apply: ')[2]
        raise cli.CannotTest(f'{mail.label} does not apply: {place}') from cause
    steps.append(Step(mail.number, mail.subject, made, parent, mail.as_mail(), tuple(mail.files)))
    return made


def _checkout(tree: Tree, commit: str) -> Tree:
    """The checkout in which a tree's changes are reviewed, warm from the time before."""
    name = 'review' if tree.src == paths.SRC else (
        f'review-{hashlib.sha256(bytes(tree.src)).hexdigest()[:8]}')
    home = borrowed.WORKTREES / name
    src = home / 'src'
    with proc.locked(borrowed.WORKTREES / f'.{name}.lock', 'prepares a review'):
        if not Checkout(src).exists():
            borrowed.make(src, borrowed.Source(tree.src, commit, tree.version, tree.package))
    return dataclasses.replace(tree, src=src, builds=home)


@contextlib.contextmanager
def alone(change_: Change) -> Iterator[None]:
    """Keep other reviews out of the checkout: they would change the files under our compilers."""
    if change_.in_place:
        yield
        return
    home = change_.tree.builds
    with proc.locked(home.parent / f'.{home.name}.busy', 'reviews a change'):
        yield


def written_by(repository: git.Git, change_: Change, path: str
               ) -> List[Optional[Tuple[int, int]]]:
    """For each line of a file at the tested commit the patch that wrote it, and its line there."""
    if change_.tested == UNCOMMITTED:
        added = {number for step in change_.steps for file in step.files if file.path == path
                 for number in file.added}
        return [(1, number) if number in added else None
                for number in range(1, max(added, default=0) + 1)]
    number_of = {step.commit: step.number for step in change_.steps}
    done = repository.run('blame', '--porcelain', f'{change_.base}..{change_.tested}', '--', path)
    if done.status:
        return []
    lines: List[Optional[Tuple[int, int]]] = []
    for line in done.out.split('\n'):
        words = line.split(' ')
        if len(words) in (3, 4) and len(words[0]) in (40, 64) and not line.startswith('\t'):
            number = number_of.get(words[0])
            lines.append(None if number is None else (number, int(words[1])))
    return lines


def up_to(change_: Change, count: int) -> Change:
    """The first patches of a change."""
    steps = change_.steps[:count]
    return dataclasses.replace(change_, steps=steps, tested=steps[-1].commit)


def configurations(names: str) -> Sequence[configs.Config]:
    """CONFIG=A,B: each by itself."""
    return [configs.load(name) for name in names.split(',') if name]
