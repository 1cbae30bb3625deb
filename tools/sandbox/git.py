# SPDX-License-Identifier: GPL-2.0
"""git for programs: the same answer whatever the user's configuration says."""

import os
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

from . import cli, proc

# Settings that change what git writes into a commit or a patch.  The user's
# and the system's configuration are not read; these override the repository's.
_PINNED = {
    'core.autocrlf': 'false', 'core.quotePath': 'false', 'core.hooksPath': '/dev/null',
    'core.attributesFile': '/dev/null', 'core.fsync': 'none', 'core.abbrev': '12',
    'commit.gpgSign': 'false', 'gc.auto': '0', 'advice.detachedHead': 'false',
    'apply.whitespace': 'nowarn', 'apply.ignoreWhitespace': 'no', 'am.threeWay': 'false',
    'diff.algorithm': 'myers', 'diff.context': '3', 'diff.interHunkContext': '0',
    'diff.noprefix': 'false', 'diff.mnemonicPrefix': 'false', 'diff.renames': 'true',
    'diff.renameLimit': '1000', 'diff.indentHeuristic': 'true', 'diff.suppressBlankEmpty': 'false',
    'diff.orderFile': '/dev/null', 'diff.relative': 'false', 'diff.statNameWidth': '0',
    'mailinfo.scissors': 'false', 'i18n.commitEncoding': 'UTF-8',
    'i18n.logOutputEncoding': 'UTF-8', 'log.showSignature': 'false',
}


class Done(NamedTuple):
    """How a git command ended."""
    status: int
    out: str
    err: str


class Head(NamedTuple):
    """Where HEAD is: the branch ('' when detached) and its commit ('' when unborn)."""
    branch: str
    commit: str


def decode(data: bytes) -> str:
    """Text of a patch or a message; bytes that are not UTF-8 survive encode()."""
    return data.decode('utf-8', 'surrogateescape')


def encode(text: str) -> bytes:
    """The bytes of decode()d text."""
    return text.encode('utf-8', 'surrogateescape')


def plain_environment() -> Dict[str, str]:
    """The environment without what a git hook or `git rebase --exec` left in it."""
    return {name: value for name, value in proc.environment().items()
            if not name.startswith('GIT_')}


def settings_environment(settings: Dict[str, str]) -> Dict[str, str]:
    """The environment variables by which git takes settings."""
    extra = {'GIT_CONFIG_COUNT': str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        extra[f'GIT_CONFIG_KEY_{number}'] = name
        extra[f'GIT_CONFIG_VALUE_{number}'] = value
    return extra


class Git:
    """A repository of ours and its working tree."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self._environment = plain_environment()
        self._environment.update(settings_environment(
            {**_PINNED, 'safe.directory': str(tree)}))
        self._environment.update({
            'GIT_CONFIG_NOSYSTEM': '1', 'GIT_CONFIG_GLOBAL': os.devnull,
            'GIT_ATTR_NOSYSTEM': '1', 'GIT_OPTIONAL_LOCKS': '0', 'GIT_TERMINAL_PROMPT': '0'})

    @property
    def folder(self) -> Path:
        """The repository's own folder, for files of ours in it."""
        return self.tree / '.git'

    def environment(self, extra: Optional[Dict[str, str]] = None) -> Dict[str, str]:
        """The environment in which to run git on this repository."""
        return {**self._environment, **(extra or {})}

    def run(self, *arguments: str, stdin: Union[str, bytes, None] = None,
            env: Optional[Dict[str, str]] = None) -> Done:
        """Run git; a failure is an answer."""
        data = encode(stdin) if isinstance(stdin, str) else stdin
        done = subprocess.run(['git', *arguments], cwd=self.tree, env=self.environment(env),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              input=data or b'')
        return Done(done.returncode, decode(done.stdout), decode(done.stderr))

    def __call__(self, *arguments: str, stdin: Union[str, bytes, None] = None,
                 env: Optional[Dict[str, str]] = None) -> str:
        """What git prints, less the last newline; CannotTest when it fails."""
        done = self.run(*arguments, stdin=stdin, env=env)
        if done.status:
            complaint = (done.err or done.out).strip().splitlines() or ['no message']
            raise cli.CannotTest(f'git {arguments[0]} in {self.tree}: {complaint[0]}')
        return done.out[:-1] if done.out.endswith('\n') else done.out

    def head(self) -> Head:
        """HEAD, read without a git process in the usual case."""
        try:
            text = (self.folder / 'HEAD').read_text(encoding='utf-8').strip()
            if not text.startswith('ref: '):
                return Head('', text)
            ref = text[5:]
            branch = ref[len('refs/heads/'):] if ref.startswith('refs/heads/') else ref
            return Head(branch, (self.folder / ref).read_text(encoding='ascii').strip())
        except OSError:
            branch = self.run('symbolic-ref', '-q', '--short', 'HEAD').out.strip()
            return Head(branch, self.commit('HEAD'))

    def commit(self, name: str) -> str:
        """The id of a commit by any of its names, '' when there is none."""
        done = self.run('rev-parse', '--verify', '--quiet', f'{name}^{{commit}}')
        return done.out.strip() if done.status == 0 else ''

    def contains(self, ancestor: str, commit: str) -> bool:
        """Whether a commit has another in its history."""
        return self.run('merge-base', '--is-ancestor', ancestor, commit).status == 0

    def edited(self) -> List[str]:
        """Files that git tracks and that differ from HEAD, staged or not."""
        lines = self('status', '--porcelain=v1', '-z', '--untracked-files=no',
                     '--no-renames', '--ignore-submodules').split('\0')
        return [line[3:] for line in lines if line]

    def untracked(self) -> List[str]:
        """Files that git neither tracks nor ignores."""
        lines = self('ls-files', '-z', '--others', '--exclude-standard').split('\0')
        return [line for line in lines if line]

    def busy(self) -> str:
        """What git is in the middle of ('rebase', 'am', 'merge', ...), '' for nothing."""
        signs: Tuple[Tuple[str, str], ...] = (
            ('rebase-merge', 'rebase'), ('rebase-apply', 'am'), ('MERGE_HEAD', 'merge'),
            ('CHERRY_PICK_HEAD', 'cherry-pick'), ('REVERT_HEAD', 'revert'))
        for sign, name in signs:
            if (self.folder / sign).exists():
                return name
        return ''

    def blob(self, name: str) -> Optional[bytes]:
        """What a file holds in a commit ('COMMIT:path'), None when it is not there."""
        done = self.run('cat-file', 'blob', name)
        return encode(done.out) if done.status == 0 else None
