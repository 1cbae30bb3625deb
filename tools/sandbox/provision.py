# SPDX-License-Identifier: GPL-2.0
"""A kernel tree for a verb: linux/src, or the user's own tree with our series.

linux/src is made once, from Debian's package.  From then on it is its user's:
it follows linux/series by itself as long as it holds nothing but the series,
and is used as it is when it holds work of somebody.

LINUX=DIR and TOPICS= use a tree of their own under build/worktrees, which
borrows DIR's objects: nothing is written into DIR.
"""

import argparse
import shutil
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from . import base, borrowed, cli, packages, patches, paths, proc, series
from .checkout import Checkout, State
from .git import encode
from .patches import Patch
from .tree import Tree

LOCK = paths.LINUX / 'src.lock'
_BUSY = 'changes linux/src'


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options by which a verb is told which kernel tree to take."""
    parser.add_argument('--linux', metavar='DIR', default='',
                        help='a git kernel tree of your own, which is not touched '
                             '(its HEAD is used; default: linux/src)')
    parser.add_argument('--topics', metavar='A,B', default=None,
                        help='apply only these topics of linux/patches; "none" for the plain '
                             'kernel (default: all)')


def tree(options: Optional[argparse.Namespace] = None, explain: bool = False,
         revision: str = 'HEAD') -> Tree:
    """The tree that the options name (none: linux/src), provisioned and up to date.

    explain: fail when work in linux/src keeps it from a changed series, and
    say how to join them, instead of using it as it is.
    revision: which commit of the user's own tree.
    """
    packages.need({**packages.PROVISION, **packages.KERNEL})
    try:
        own = Path(options.linux).expanduser() if options and options.linux else None
        topics = options.topics if options else None
        if own is not None and own.resolve() == paths.SRC:
            own = None
        if own is None and topics is None:
            return _main_tree(explain)
        return borrowed.tree(own, topics, revision)
    except OSError as cause:
        raise cli.CannotTest(f'{cause.filename or "the kernel tree"}: {cause.strerror}') from cause


def _main_tree(explain: bool) -> Tree:
    """linux/src."""
    checkout = Checkout(paths.SRC)
    wanted = patches.load()
    if not _is_current(checkout, wanted):
        with proc.locked(LOCK, _BUSY):
            if not checkout.exists():
                _make(wanted)
            _follow(checkout, wanted, explain)
    checkout.link()
    state = checkout.state()
    package = base.configured()['package']
    if state and state.package.partition(' ')[0] not in ('', package):
        cli.say(f'linux/src is {state.package}, but linux/base.conf names {package}: '
                'move linux/src elsewhere to get that')
    return describe(checkout, state, paths.BUILD)


def have_base() -> None:
    """Have linux/src with its tag `base`, whatever the series does."""
    checkout = Checkout(paths.SRC)
    if not checkout.exists():
        with proc.locked(LOCK, _BUSY):
            if not checkout.exists():
                _make(patches.load())


def _is_current(checkout: Checkout, wanted: Sequence[Patch]) -> bool:
    """Whether nothing is to do, in a few milliseconds and without a lock."""
    if not checkout.exists() or (checkout.git.folder / 'sandbox-move').exists():
        return False
    state = checkout.state()
    return (state is not None and state.series == patches.series_digest(wanted)
            and not checkout.pending())


def _make(wanted: Sequence[Patch]) -> None:
    """Make linux/src: it appears whole, or not at all."""
    fresh = paths.LINUX / 'src.new'
    if fresh.exists():
        cli.say('removing what an interrupted command left (linux/src.new)')
        shutil.rmtree(fresh)
    base.need_room(paths.LINUX)
    package = base.find()
    try:
        base.unpack(package, fresh)
        commit = base.commit(fresh, package)
        checkout = Checkout(fresh)
        name = base.configured()['package']
        _apply(checkout, State('base', f'{name} {package.version}'.strip(), commit, commit,
                               patches.digest([])), wanted)
        checkout.link()
        if paths.SRC.is_dir() and not paths.SRC.is_symlink():
            paths.SRC.rmdir()
        fresh.rename(paths.SRC)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _follow(checkout: Checkout, wanted: Sequence[Patch], explain: bool) -> None:
    """Bring linux/src to linux/series when it holds nobody's work."""
    checkout.recover()
    checkout.adopt_pending()
    state = checkout.state()
    if state is None or state.series == patches.series_digest(wanted):
        return
    work = checkout.own_work(state)
    if not work:
        cli.say('linux/series changed: bringing linux/src to it (it was at '
                f'{state.tip[:12]})')
        state = _apply(checkout, state, wanted)
        if state.unapplied:
            raise cli.CannotTest(state.missing[0][1])
        return
    if state.unapplied:
        cli.say(f'linux/src {work}, and not yet all of linux/series: it is used as it is')
    elif explain:
        _explain(checkout, state, wanted, work)
    else:
        cli.say(f'linux/src {work}, and linux/series changed since: it is used as it is '
                '(make linux says how to join them)')


def _apply(checkout: Checkout, state: State, wanted: Sequence[Patch]) -> State:
    """Bring a tree without work from its state to the wanted patches, or as far as they go."""
    chain = series.build(checkout.git, state.base, wanted, state.applied)
    rest = wanted[len(chain.applied):]
    missing: Tuple[Tuple[str, str], ...] = ()
    if chain.failed:
        mails = checkout.git.folder / 'unapplied.mbox'
        mails.write_bytes(encode(series.mbox(rest)))
        missing = ((rest[0].topic,
                    f'{chain.failed}; linux/src holds the {len(chain.applied)} patches before it. '
                    'Mend it: git -C linux/src am -3 -k --keep-cr .git/unapplied.mbox, then make '
                    'series; or leave it out: TOPICS='),)
    new = State(state.source, state.package, state.base, chain.tip,
                patches.digest((one.path, one.digest) for one in chain.applied),
                tuple(chain.applied), missing,
                unapplied={patch.path: patch.digest for patch in rest})
    checkout.move(new, state.tip)
    return new


def _explain(checkout: Checkout, state: State, wanted: Sequence[Patch], work: str) -> None:
    """Prepare the changed series for a rebase, and say how."""
    if checkout.git.busy() or not checkout.elsewhere(state):
        raise cli.CannotTest(f'linux/src {work}, and linux/series changed: commit that or put it '
                             'away (git stash), then make linux again')
    chain = series.build(checkout.git, state.base, wanted, state.applied)
    if chain.failed:
        raise cli.CannotTest(str(chain.failed))
    checkout.git('update-ref', 'refs/sandbox/pending', chain.tip)
    checkout.save(State(state.source, state.package, state.base, chain.tip,
                        patches.series_digest(wanted), tuple(chain.applied)), 'sandbox-pending')
    raise cli.CannotTest(
        f'linux/src {work}, and linux/series changed since; nothing was touched. To join them: '
        f'git -C linux/src rebase --onto {chain.tip[:12]} {state.tip[:12]} sandbox')


def describe(checkout: Checkout, state: Optional[State], builds: Path) -> Tree:
    """What the verbs and the reports say about a tree."""
    topics: List[str]
    if state is not None and not checkout.elsewhere(state):
        held = [*state.present, *(one.topic for one in state.applied)]
        topics = list(dict.fromkeys(held))
        count, digest = len(held), state.series
    else:
        head = checkout.git.head().commit
        from_base = state.base if state else checkout.git.commit('base')
        own = series.commits(checkout.git, from_base, head) if from_base else []
        topics = list(dict.fromkeys(topic for topic in (commit.topic for commit in own) if topic))
        count = len(own)
        digest = (state.series if state else head[:12]) + '+'
    return Tree(src=checkout.src, builds=builds, version=checkout.version(),
                package=state.package if state else '',
                base=state.base if state else checkout.git.commit('base'),
                topics=tuple(topics), patches=count, applied=digest)
