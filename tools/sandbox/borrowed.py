# SPDX-License-Identifier: GPL-2.0
"""The user's own kernel tree with our series on top, without touching it.

A repository of ours under build/worktrees borrows the objects of the user's
(git calls that alternates), so it costs a checkout and nothing else, works
for shallow clones and linked worktrees, and leaves nothing in the user's
tree: no branch, no object, no worktree entry.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence, Tuple

from . import base, cli, patches, paths, proc, series
from .checkout import BRANCH, Checkout, State, version_of
from .git import Done, decode, plain_environment
from .patches import Patch
from .tree import Tree

WORKTREES = paths.BUILD / 'worktrees'


class Source(NamedTuple):
    """The user's tree: where it is and which commit is used."""
    folder: Path
    commit: str
    version: str
    package: str


def ask(folder: Path, *arguments: str) -> Done:
    """Run git in the user's tree, with the user's configuration, writing nothing."""
    done = subprocess.run(['git', '--no-optional-locks', *arguments], cwd=folder,
                          env=plain_environment(), stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return Done(done.returncode, decode(done.stdout).rstrip('\n'), decode(done.stderr).strip())


def tree(own: Optional[Path], topics: Optional[str], revision: str = 'HEAD') -> Tree:
    """The tree for LINUX=own (None: linux/src at its base) and TOPICS=topics.

    revision: the commit of the user's tree that the series is put on.
    """
    from . import provision  # it needs this module, too
    wanted = _chosen(patches.load(), topics)
    if own is None:
        provision.have_base()
        source = _examined(paths.SRC, 'base')
    else:
        source = _examined(own.resolve(), revision)
    home = WORKTREES / _name(source.folder, topics)
    checkout = Checkout(home / 'src')
    if not _is_current(checkout, source, wanted):
        with proc.locked(WORKTREES / f'.{home.name}.lock', f'changes {paths.shown(home)}'):
            _bring(checkout, source, wanted)
    checkout.link()
    state = checkout.state()
    assert state is not None
    for topic, why in state.missing:
        cli.say(f'without topic {topic}: {why}')
    if own is not None:
        _note(source)
    return provision.describe(checkout, state, home)


def _chosen(listed: Sequence[Patch], topics: Optional[str]) -> List[Patch]:
    """The patches of the topics that TOPICS= names."""
    if topics is None:
        return list(listed)
    names = [] if topics in ('', 'none') else topics.split(',')
    known = patches.topics(listed)
    for name in names:
        if name not in known:
            raise cli.CannotTest(f"there is no topic '{name}', but {', '.join(known) or 'none'}")
    return [patch for patch in listed if patch.topic in names]


def _name(folder: Path, topics: Optional[str]) -> str:
    """A folder's name that tells the source, and its topics when they were chosen."""
    name = 'base' if folder == paths.SRC else \
        f'{folder.name}-{hashlib.sha256(bytes(folder)).hexdigest()[:8]}'
    return name if topics is None else f"{name}+{topics.replace(',', '+') or 'none'}"


def _examined(folder: Path, revision: str) -> Source:
    """Look at the user's tree; an error says what is wrong with it."""
    if not folder.is_dir():
        what = 'is a file' if folder.exists() else 'does not exist'
        raise cli.CannotTest(f'LINUX={folder} {what}: give the folder of a git kernel tree')
    top = ask(folder, 'rev-parse', '--show-toplevel')
    if top.status and 'dubious' in top.err:
        raise cli.CannotTest(f'LINUX={folder} belongs to another user: '
                             f"git config --global --add safe.directory '{folder}'")
    if top.status or Path(top.out).resolve() != folder:
        raise cli.CannotTest(f'LINUX={folder} is not the root of a git tree: git init, add and '
                             'commit there, or give a clone')
    commit = ask(folder, 'rev-parse', '--verify', '--quiet', f'{revision}^{{commit}}').out
    if not commit:
        raise cli.CannotTest(f'LINUX={folder} has no commit ({revision})')
    version = version_of(ask(folder, 'show', f'{commit}:Makefile').out[:2000])
    if not version or ask(folder, 'cat-file', '-e', f'{commit}:mm/Kconfig').status:
        raise cli.CannotTest(f'LINUX={folder} is no kernel tree: '
                             'its Makefile and mm/Kconfig are not those of Linux')
    package = ''
    if folder == paths.SRC:
        state = Checkout(folder).state()
        package = state.package if state else ''
    return Source(folder, commit, version, package)


def _note(source: Source) -> None:
    """What one should know about the user's tree."""
    known = base.configured()['version'].partition('-')[0]
    if source.version != known:
        cli.say(f'{source.folder} is Linux {source.version}; the series is kept on {known}')
    edited = ask(source.folder, 'status', '--porcelain', '--untracked-files=no').out
    if edited:
        cli.say(f'{source.folder} has uncommitted changes in {len(edited.splitlines())} files: '
                'they are not part of what is tested')


def _series(wanted: Sequence[Patch]) -> str:
    return patches.series_digest(wanted)


def _is_current(checkout: Checkout, source: Source, wanted: Sequence[Patch]) -> bool:
    if not checkout.exists() or (checkout.git.folder / 'sandbox-move').exists():
        return False
    state = checkout.state()
    return (state is not None and state.base == source.commit
            and state.series == _series(wanted))


def _bring(checkout: Checkout, source: Source, wanted: Sequence[Patch]) -> None:
    """Make or update the tree for the source's commit and the wanted patches."""
    if checkout.exists():
        checkout.recover()
        state = checkout.state()
        work = checkout.own_work(state)
        if work or state is None:
            where = paths.shown(checkout.src)
            raise cli.CannotTest(f'{where} {work}, but {source.folder} or the series changed: '
                                 f'save that work elsewhere and remove {where}')
        if not checkout.git.commit(state.tip):
            cli.say(f'{source.folder} dropped commits that {paths.shown(checkout.src)} stood on')
            shutil.rmtree(checkout.src)
            state = make(checkout.src, source)
    else:
        state = make(checkout.src, source)
    if state.base == source.commit and state.series == _series(wanted):
        return
    present = _present(source, patches.topics(wanted))
    if present:
        cli.say(f'{source.folder} holds {", ".join(dict.fromkeys(present))} itself')
    rest = [patch for patch in wanted if patch.topic not in present]
    cli.say(f'applying {len(rest)} patches to {source.folder} at {source.commit[:12]}')
    chain, failures = series.build_topics(checkout.git, source.commit, rest)
    missing: Tuple[Tuple[str, str], ...] = tuple(
        (failure.patch.topic, str(failure)) for failure in failures)
    new = State(str(source.folder), source.package, source.commit, chain.tip, _series(wanted),
                tuple(chain.applied), missing, present)
    checkout.move(new, state.tip)


def _present(source: Source, topics: Sequence[str]) -> Tuple[str, ...]:
    """The topics of ours that the last commits of the user's tree name."""
    recent = ask(source.folder, 'log', '--max-count=500', '--format=%B%x00', source.commit)
    found: List[str] = []
    for message in recent.out.split('\0'):
        found += [topic for topic in topics if patches.topics_in(message) == [topic]]
    return tuple(found)


def make(src: Path, source: Source) -> State:
    """A checkout of the source's commit: it appears whole, or not at all."""
    src.parent.mkdir(parents=True, exist_ok=True)
    base.need_room(src.parent)
    fresh = src.with_name('src.new')
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir()
    cli.say(f'checking out {source.folder} at {source.commit[:12]} into {paths.shown(src)}')
    checkout = Checkout(fresh)
    git = checkout.git
    form = ask(source.folder, 'rev-parse', '--show-object-format').out or 'sha1'
    git('init', '--quiet', '--template=', f'--initial-branch={BRANCH}', f'--object-format={form}')
    objects = source.folder / ask(source.folder, 'rev-parse', '--git-path', 'objects').out
    alternates = git.folder / 'objects' / 'info' / 'alternates'
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_text(f'{objects.resolve()}\n', encoding='utf-8')
    shallow = source.folder / ask(source.folder, 'rev-parse', '--git-path', 'shallow').out
    if shallow.exists():
        shutil.copyfile(shallow, git.folder / 'shallow')
    git('-c', 'checkout.workers=0', 'reset', '--quiet', '--hard', source.commit)
    git('tag', 'base', source.commit)
    state = State(str(source.folder), source.package, source.commit, source.commit, '')
    checkout.save(state)
    fresh.rename(src)
    return state
