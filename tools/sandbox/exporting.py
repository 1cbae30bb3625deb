# SPDX-License-Identifier: GPL-2.0
"""From linux/src to linux/patches, losing nothing on either side."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Set

from . import cli, patches, paths, proc, provision, series
from .checkout import BRANCH, Checkout, State
from .patches import Patch
from .series import Applied, Commit


class Change(NamedTuple):
    """What happens to a patch file."""
    what: str
    path: str


class Plan(NamedTuple):
    """What an export would write."""
    commits: List[Commit]
    exported: List[Patch]
    changes: List[Change]
    removed: List[str]


def run(topic: str, overwrite: bool) -> List[Change]:
    """Export the commits of linux/src; what changed in linux/patches."""
    checkout = _ready()
    with proc.locked(provision.LOCK, 'changes linux/src'):
        checkout.recover()
        checkout.adopt_pending()
        edited = checkout.git.edited()
        if edited:
            raise cli.CannotTest(f'linux/src has uncommitted changes ({", ".join(edited[:4])}): '
                                 'commit them (git commit --fixup, git rebase -i) or stash them')
        if topic:
            _name_topic(checkout, topic)
        plan = _plan(checkout)
        if not overwrite:
            _refuse_loss(checkout.state(), plan)
        _carry_out(checkout, plan)
    stray = checkout.git.untracked()
    if stray:
        cli.say(f'not in any commit, so in no patch: {", ".join(stray[:4])}'
                + (f' and {len(stray) - 4} more files' if len(stray) > 4 else ''))
    return plan.changes


def check() -> List[Change]:
    """What an export would change; uncommitted work counts, too."""
    checkout = _ready()
    with proc.locked(provision.LOCK, 'changes linux/src'):
        checkout.recover()
        checkout.adopt_pending()
        edited = [Change('not committed', name) for name in checkout.git.edited()]
        return edited + _plan(checkout).changes


def _ready() -> Checkout:
    checkout = Checkout(paths.SRC)
    if not checkout.exists():
        raise cli.CannotTest('there is no linux/src yet: make linux')
    busy = checkout.git.busy()
    if busy:
        raise cli.CannotTest(f'linux/src is in the middle of a git {busy}: end it, with '
                             f'git {busy} --continue or --abort')
    branch = checkout.git.head().branch
    if branch != BRANCH:
        raise cli.CannotTest(f'linux/src is on {branch or "a detached HEAD"}: the series is the '
                             f'branch {BRANCH} (git -C linux/src switch {BRANCH})')
    return checkout


def _own(checkout: Checkout) -> List[Commit]:
    """The commits from base to the branch's tip, in a line."""
    git = checkout.git
    if not git.commit('base') or not git.contains('base', 'HEAD'):
        raise cli.CannotTest('linux/src does not stand on its tag base: git rebase it there')
    found = series.commits(git, 'base', 'HEAD')
    for commit in found:
        if len(commit.parents) != 1:
            raise cli.CannotTest(f'{commit.shown} is a merge: make the series a line, with '
                                 'git -C linux/src rebase base')
    return found


def _plan(checkout: Checkout) -> Plan:
    """What to write, from the commits; nothing is written yet."""
    commits = _own(checkout)
    _need_topics(commits)
    listed = patches.load()
    kept = _unchanged(checkout.state(), commits, listed)
    git = checkout.git
    exported = series.export(git, checkout.git.commit('base'), commits, listed[:kept])
    parent = commits[kept - 1].id if kept else git.commit('base')
    series.prove(git, parent, commits[kept:], exported[kept:])
    present = listed + patches.unlisted(listed)
    written = {patch.path for patch in exported}
    removed = [patch.path for patch in present if patch.path not in written]
    changes = _changes(present, exported, removed)
    if not changes and [p.path for p in listed] != [p.path for p in exported]:
        changes = [Change('reordered', 'linux/series')]
    return Plan(commits, exported, changes, removed)


def _need_topics(commits: Sequence[Commit]) -> None:
    nameless = [commit for commit in commits if commit.topic is None]
    if nameless:
        raise cli.CannotTest(
            f"no topic in {', '.join(commit.shown for commit in nameless[:4])}"
            + (f' and {len(nameless) - 4} more' if len(nameless) > 4 else '')
            + ": git commit --amend --trailer 'Topic: NAME' says it, or make series TOPIC=NAME "
            'for all of them')
    for commit in commits:
        if not patches.valid_topic(commit.topic or ''):
            raise cli.CannotTest(f"{commit.shown}: '{commit.topic}' cannot be a topic's name: "
                                 'small letters, digits and - . _')


def _unchanged(state: Optional[State], commits: Sequence[Commit], listed: Sequence[Patch]) -> int:
    """How many commits at the beginning are those that the patch files made."""
    count = 0
    for commit, before, patch in zip(commits, state.applied if state else (), listed):
        if (commit.id, before.path, before.digest) != (before.commit, patch.path, patch.digest):
            break
        count += 1
    return count


def _changes(present: Sequence[Patch], exported: Sequence[Patch],
             removed: Sequence[str]) -> List[Change]:
    """The difference in words, in the order of the new series."""
    old = {patch.path: patch for patch in present}
    leaving = {patch.diff: patch.path for patch in present if patch.path in removed}
    changes: List[Change] = []
    moved: Set[str] = set()
    for patch in exported:
        if patch.path in old:
            if old[patch.path].text != patch.text:
                changes.append(Change('changed', patch.path))
        elif leaving.get(patch.diff, '') and leaving[patch.diff] not in moved:
            moved.add(leaving[patch.diff])
            changes.append(Change('renamed', f'{leaving[patch.diff]} -> {patch.path}'))
        else:
            changes.append(Change('added', patch.path))
    return changes + [Change('removed', path) for path in removed if path not in moved]


def _refuse_loss(state: Optional[State], plan: Plan) -> None:
    """Refuse to overwrite a patch that the tree does not hold."""
    held: Dict[str, str] = {one.path: one.digest for one in state.applied} if state else {}
    left_to_mend = state.unapplied if state else {}
    exported = {patch.path: patch for patch in plan.exported}
    listed = patches.load()
    lost = []
    for patch in listed + patches.unlisted(listed):
        written = exported.get(patch.path)
        if held.get(patch.path) == patch.digest or (written and written.text == patch.text):
            continue
        if written and left_to_mend.get(patch.path) == patch.digest:
            continue
        lost.append(patch.shown)
    if lost:
        raise cli.CannotTest(
            f'linux/src does not hold what is in {", ".join(lost[:4])}'
            + (f' and {len(lost) - 4} more' if len(lost) > 4 else '')
            + ': take it in (make linux says how), or give it up (make series OVERWRITE=1)')


def _carry_out(checkout: Checkout, plan: Plan) -> None:
    patches.store(plan.exported, plan.removed)
    git = checkout.git
    before = checkout.state()
    head = git.head().commit
    applied = tuple(Applied(patch.path, patch.digest, commit.id)
                    for patch, commit in zip(plan.exported, plan.commits))
    checkout.save(State(before.source if before else 'base', before.package if before else '',
                        git.commit('base'), head, patches.series_digest(plan.exported), applied))
    (git.folder / 'sandbox-pending').unlink(missing_ok=True)


def _name_topic(checkout: Checkout, topic: str) -> None:
    """Give all commits without a topic this one; content and dates stay."""
    if not patches.valid_topic(topic):
        raise cli.CannotTest(f"'{topic}' cannot be a topic's name: small letters, digits and - . _")
    git = checkout.git
    found = _own(checkout)
    parent = git.commit('base')
    for commit in found:
        if commit.topic is None or commit.parents[0] != parent:
            parent = series.again(git, commit, parent, topic)
        else:
            parent = commit.id
    if found and parent != found[-1].id:
        git('update-ref', '-m', f'sandbox: topic {topic}', f'refs/heads/{BRANCH}', parent)


def listed(changes: Sequence[Change]) -> str:
    """The changes for a person, topic by topic."""
    lines = []
    for topic in dict.fromkeys(change.path.partition('/')[0] for change in changes):
        mine = [change for change in changes if change.path.partition('/')[0] == topic]
        lines += [f'{change.what:9} {change.path}' for change in mine]
    return '\n'.join(lines)
