# SPDX-License-Identifier: GPL-2.0
"""The patches as files: linux/series and linux/patches/TOPIC/NNNN-subject.patch.

A patch file is a mail as `git format-patch` writes it.  Its folder says its
topic; in the kernel tree a trailer of the commit message does ('Topic: name',
in the last paragraph), which is taken out on the way to the file and put back
on the way to the tree.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from . import cli, paths
from .git import decode, encode

SERIES = paths.LINUX / 'series'
FOLDER = paths.LINUX / 'patches'

_HEADING = '''\
# The patches in their order; written by `make series`.
'''
_TOPIC = re.compile(r'^Topic: (\S+)$')
_TOPIC_NAME = re.compile(r'^[a-z0-9][a-z0-9._-]*$')
_TRAILER = re.compile(r'^[A-Za-z0-9-]+: \S|^[ \t]+\S')
_LISTED = re.compile(r'^[a-z0-9][a-z0-9._-]*/[0-9]{4}-[^/\s]*\.patch$')


@dataclass(frozen=True)
class Patch:
    """A patch file: its path below linux/patches and what it holds."""
    path: str
    text: str

    @property
    def topic(self) -> str:
        """The topic it belongs to: its folder."""
        return self.path.partition('/')[0]

    @property
    def digest(self) -> str:
        """A hash of what it holds."""
        return hashlib.sha256(encode(self.text)).hexdigest()

    @property
    def shown(self) -> str:
        """Its path from the repository's root."""
        return f'linux/patches/{self.path}'

    @property
    def diff(self) -> str:
        """The patch without header, message and statistics."""
        start = self.text.find('\ndiff --git ')
        return self.text[start + 1:] if start >= 0 else ''


def digest(listed: Iterable[Tuple[str, str]]) -> str:
    """A hash over a series: (path, hash) of its patches in order."""
    whole = hashlib.sha256()
    for path, content in listed:
        whole.update(encode(f'{path}\0{content}\n'))
    return whole.hexdigest()[:12]


def series_digest(series: Sequence[Patch]) -> str:
    """A hash over patches in order."""
    return digest((patch.path, patch.digest) for patch in series)


def load() -> List[Patch]:
    """The patches that linux/series lists, in its order."""
    try:
        lines = SERIES.read_text(encoding='utf-8').splitlines()
    except FileNotFoundError:
        return []
    series: Dict[str, Patch] = {}
    for number, line in enumerate(lines, 1):
        path = line.partition('#')[0].strip()
        if not path:
            continue
        if not _LISTED.match(path) or path in series:
            wrong = 'a second time' if path in series else "which is not 'topic/NNNN-name.patch'"
            raise cli.CannotTest(f"linux/series:{number}: '{path}', {wrong}")
        try:
            series[path] = Patch(path, decode((FOLDER / path).read_bytes()))
        except OSError as cause:
            raise cli.CannotTest(f'linux/series:{number}: linux/patches/{path}: '
                                 f'{cause.strerror}') from cause
    return list(series.values())


def unlisted(series: Sequence[Patch]) -> List[Patch]:
    """Patch files that linux/series does not list."""
    listed = {patch.path for patch in series}
    found = sorted(FOLDER.glob('*/[0-9][0-9][0-9][0-9]-*.patch'))
    names = [str(path.relative_to(FOLDER)) for path in found]
    return [Patch(name, decode((FOLDER / name).read_bytes()))
            for name in names if name not in listed]


def topics(series: Iterable[Patch]) -> List[str]:
    """The topics of a series, each where its first patch is."""
    return list(dict.fromkeys(patch.topic for patch in series))


def store(series: Sequence[Patch], removed: Sequence[str]) -> None:
    """Write patches, then linux/series, then remove the patches that left.

    Killed in between, it leaves every patch whole, and running it again ends
    what it began.
    """
    for patch in series:
        _write(FOLDER / patch.path, encode(patch.text))
    listing = _HEADING + ''.join(f'{patch.path}\n' for patch in series)
    _write(SERIES, encode(listing))
    for path in removed:
        (FOLDER / path).unlink()
        try:
            (FOLDER / path).parent.rmdir()
        except OSError:
            pass  # the topic has other files


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, and only when it changes."""
    try:
        if path.read_bytes() == content:
            return
    except OSError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f'.{path.name}.{os.getpid()}')
    fresh.write_bytes(content)
    fresh.replace(path)


def valid_topic(name: str) -> bool:
    """Whether a topic may have this name."""
    return bool(_TOPIC_NAME.match(name))


def topic_of(message: str) -> Optional[str]:
    """The topic that a commit message names, None when it names none."""
    found = topics_in(message)
    if len(found) > 1:
        raise cli.CannotTest(f"a commit names two topics ('{message.splitlines()[0]}'): "
                             'git commit --amend')
    return found[0] if found else None


def topics_in(message: str) -> List[str]:
    """The topics in the last paragraph of a commit message."""
    return [match.group(1) for match in map(_TOPIC.match, _last_paragraph(message)) if match]


def _last_paragraph(message: str) -> List[str]:
    """The lines of the last paragraph; none when that is the subject."""
    paragraphs = message.strip('\n').split('\n\n')
    return paragraphs[-1].split('\n') if len(paragraphs) > 1 else []


def with_topic(message: str, topic: str) -> str:
    """A commit message that names the topic, among its trailers when it has some."""
    message = message.rstrip('\n')
    last = _last_paragraph(message)
    together = bool(last) and all(map(_TRAILER.match, last))
    return message + ('\n' if together else '\n\n') + f'Topic: {topic}\n'


def without_topic(message: str) -> str:
    """A commit message less the trailer that with_topic() adds."""
    message = message.rstrip('\n')
    last = _last_paragraph(message)
    kept = [line for line in last if not _TOPIC.match(line)]
    if len(kept) == len(last):
        return message + '\n'
    head = message[:len(message) - len('\n'.join(last))].rstrip('\n')
    return (head + '\n\n' + '\n'.join(kept) if kept else head) + '\n'
