# SPDX-License-Identifier: GPL-2.0
"""A kernel tree that the tools keep, and whose work it holds.

Beside the git repository there are three files of ours in .git:
sandbox-state: what the tools put into the branch `sandbox`; when the branch
stands anywhere else, the rest is somebody's work and is left alone.
sandbox-pending: the same for a newer series that such work can be rebased on.
sandbox-move: the branch is on its way to another commit; it is there only
while that lasts, and says how to end it when we were killed.
"""

import json
import os
import re
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Tuple

from . import cli, paths
from .git import Git, encode
from .series import Applied

BRANCH = 'sandbox'
LINK = Path('mm/tests/sandbox')
_FORMAT = 1


@dataclass(frozen=True)
class State:
    """What the tools put into the branch.

    source: the tree or package the base is from.  package: the Debian
    package and its version, '' for the user's own tree.  series: a hash over
    the patches that were to be applied.  missing: topics that did not apply,
    with the cause.  present: the topics of commits that the user's tree holds
    itself.  unapplied: path and hash of the patches that are left for
    a person to apply.
    """
    source: str
    package: str
    base: str
    tip: str
    series: str
    applied: Tuple[Applied, ...] = ()
    missing: Tuple[Tuple[str, str], ...] = ()
    present: Tuple[str, ...] = ()
    unapplied: Dict[str, str] = field(default_factory=dict)


def _state_from(facts: Dict[str, Any]) -> State:
    return State(facts['source'], facts['package'], facts['base'], facts['tip'],
                 facts['series'], tuple(Applied(*one) for one in facts['applied']),
                 tuple((topic, why) for topic, why in facts['missing']),
                 tuple(facts['present']), facts['unapplied'])


class Checkout:
    """A kernel tree that the tools keep."""

    def __init__(self, src: Path) -> None:
        self.src = src
        self.git = Git(src)

    # What is in it.

    def exists(self) -> bool:
        """Whether there is a repository; anything else in its place is an error."""
        if (self.src / '.git').exists():
            return True
        if os.path.lexists(self.src) and not (self.src.is_dir() and not os.listdir(self.src)):
            raise cli.CannotTest(f'{paths.shown(self.src)} is in the way and is no git tree: '
                                 'move it elsewhere')
        return False

    def state(self) -> Optional[State]:
        """What the tools put into it, None when they did not make it."""
        return self._load('sandbox-state')

    def pending(self) -> Optional[State]:
        """A newer series that waits for the work in the tree to be rebased on it."""
        return self._load('sandbox-pending')

    def _load(self, name: str) -> Optional[State]:
        try:
            facts = json.loads((self.git.folder / name).read_text(encoding='utf-8'))
            return _state_from(facts) if facts['format'] == _FORMAT else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, state: State, name: str = 'sandbox-state') -> None:
        """Remember what the tools put into it."""
        self._write(name, _facts(state))

    def _write(self, name: str, facts: Dict[str, Any]) -> None:
        fresh = self.git.folder / f'{name}.new'
        fresh.write_text(json.dumps(facts, indent=1), encoding='utf-8')
        fresh.replace(self.git.folder / name)

    def elsewhere(self, state: Optional[State]) -> str:
        """Why the tree is not where the tools left it, '' when it is; quick."""
        if state is None:
            return 'was not made by the tools'
        busy = self.git.busy()
        if busy:
            return f'is in the middle of a git {busy}'
        head = self.git.head()
        if head.branch != BRANCH:
            return f'is on {"branch " + head.branch if head.branch else "a detached HEAD"}'
        return '' if head.commit == state.tip else 'has commits of its own'

    def own_work(self, state: Optional[State]) -> str:
        """Why the tree holds somebody's work, '' when it does not."""
        reason = self.elsewhere(state)
        if not reason:
            edited = self.git.edited()
            if edited:
                reason = f'has uncommitted changes ({_some(edited)})'
        return reason

    def adopt_pending(self) -> None:
        """When the work was rebased on the pending series, that is the state."""
        pending = self.pending()
        if pending and self.git.contains(pending.tip, 'HEAD'):
            self.save(pending)
            (self.git.folder / 'sandbox-pending').unlink()

    def version(self) -> str:
        """The kernel's version, from its Makefile."""
        try:
            with open(self.src / 'Makefile', encoding='utf-8', errors='replace') as makefile:
                return version_of(makefile.read(2000))
        except OSError:
            return ''

    # Changing it.

    def move(self, new: State, old: str) -> None:
        """Bring branch, index and files from a commit to a state's tip, or change nothing."""
        journal = self.git.folder / 'sandbox-move'
        self._write(journal.name, {'from': old, 'state': _facts(new)})
        done = self.git.run('read-tree', '-m', '-u', old, new.tip)
        if done.status:
            journal.unlink()
            complaint = (done.err.strip().splitlines() or ['no message'])[0]
            raise cli.CannotTest(f'{paths.shown(self.src)} cannot take the changed series: '
                                 f'{complaint}')
        self._arrive(new)

    def _arrive(self, new: State) -> None:
        self.git('update-ref', '-m', 'sandbox: series applied', f'refs/heads/{BRANCH}', new.tip)
        self.save(new)
        (self.git.folder / 'sandbox-pending').unlink(missing_ok=True)
        (self.git.folder / 'sandbox-move').unlink()

    def recover(self) -> None:
        """End a move() that was killed; keep what was edited since."""
        try:
            facts = json.loads((self.git.folder / 'sandbox-move').read_text(encoding='utf-8'))
        except FileNotFoundError:
            return
        new = _state_from(facts['state'])
        cli.say(f'{paths.shown(self.src)}: ending an update that was interrupted')
        self._unlock_index()
        foreign = self._foreign(facts['from'], new.tip)
        if foreign:
            raise cli.CannotTest(
                f'an update of {paths.shown(self.src)} was interrupted and {_some(foreign)} '
                f'changed since: save that, then git -C {paths.shown(self.src)} reset --hard '
                f'{new.tip[:12]}')
        self.git('read-tree', '--reset', '-u', new.tip)
        self._arrive(new)

    def _unlock_index(self) -> None:
        """Remove the lock of a git that was killed with us; one that still runs may end."""
        lock = self.git.folder / 'index.lock'
        for _ in range(50):
            if not lock.exists():
                return
            time.sleep(0.1)
        lock.unlink(missing_ok=True)

    def _foreign(self, old: str, new: str) -> List[str]:
        """Files that hold neither what the old nor what the new commit says."""
        self.git.run('update-index', '-q', '--refresh')
        changed = [name for name in
                   self.git('diff-index', '-z', '--name-only', new).split('\0') if name]
        return [name for name in changed if not self._between(name, old, new)]

    def _between(self, name: str, old: str, new: str) -> bool:
        path = self.src / name
        try:
            held = encode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        except FileNotFoundError:
            return True
        then = [self.git.blob(f'{commit}:{name}') for commit in (old, new)]
        return held == then[0] or (then[1] is not None and then[1].startswith(held))

    def link(self) -> None:
        """Have the suites appear in the tree, unseen by git."""
        link = self.src / LINK
        wanted = os.path.relpath(paths.SUITES, link.parent.resolve())
        try:
            if os.readlink(link) == wanted:
                return
        except OSError:
            pass
        if link.is_dir() and not link.is_symlink():
            raise cli.CannotTest(f'{paths.shown(link)} is in the way of the link to kunit-suites')
        self.exclude(f'/{LINK}')
        link.parent.mkdir(parents=True, exist_ok=True)
        fresh = link.with_name(f'.sandbox.{os.getpid()}')
        fresh.symlink_to(wanted)
        fresh.replace(link)

    def exclude(self, pattern: str) -> None:
        """Have git ignore a path in this repository and all its worktrees."""
        common = Path(self.git('rev-parse', '--git-common-dir'))
        exclude = self.src / common / 'info' / 'exclude'
        lines = exclude.read_text(encoding='utf-8').splitlines() if exclude.exists() else []
        if pattern not in lines:
            exclude.parent.mkdir(exist_ok=True)
            exclude.write_text('\n'.join([*lines, pattern, '']), encoding='utf-8')


def _facts(state: State) -> Dict[str, Any]:
    facts = asdict(state)
    facts['applied'] = [[one.path, one.digest, one.commit] for one in state.applied]
    return {'format': _FORMAT, **facts}


def version_of(makefile: str) -> str:
    """The kernel's version from the beginning of its Makefile, '' when it is none."""
    names = r'^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)'
    found: Dict[str, str] = dict(re.findall(names, makefile, re.MULTILINE))
    if not found.get('VERSION') or not found.get('PATCHLEVEL'):
        return ''
    numbers = [found[name] for name in ('VERSION', 'PATCHLEVEL', 'SUBLEVEL') if found.get(name)]
    return '.'.join(numbers) + found.get('EXTRAVERSION', '')


def _some(names: Iterable[str]) -> str:
    """The first names of many."""
    listed = list(names)
    return ', '.join(listed[:4]) + (f' and {len(listed) - 4} more' if len(listed) > 4 else '')
