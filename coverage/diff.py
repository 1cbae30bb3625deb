# SPDX-License-Identifier: GPL-2.0
"""Unified diffs, as git writes them and as mails carry them."""

import re
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Sequence, Tuple

from .model import CoverageError

_HUNK = re.compile(r'^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@')
_GIT = re.compile(r'^diff --git "?a/(.*?)"? "?b/(.*?)"?$')
NOTHING = '/dev/null'


@dataclass
class Hunk:
    """One hunk: rows are (sign, old line, new line, text); a sign is ' ', '+' or '-'."""
    old: int
    new: int
    rows: List[Tuple[str, int, int, str]] = field(default_factory=list)


@dataclass
class FileDiff:
    """The change of one file; path is its new name, or the old one of a deleted file."""
    path: str
    old_path: str
    hunks: List[Hunk] = field(default_factory=list)
    binary: str = ''        # '', 'named' (without its data) or 'whole'
    deleted: bool = False

    @property
    def added(self) -> Dict[int, str]:
        """The added lines by their number in the new file."""
        return {new: text for hunk in self.hunks for sign, _, new, text in hunk.rows
                if sign == '+'}

    @property
    def removed(self) -> Dict[int, str]:
        """The removed lines by their number in the old file."""
        return {old: text for hunk in self.hunks for sign, old, _, text in hunk.rows
                if sign == '-'}


def parse(text: str) -> List[FileDiff]:
    """The files of a diff; CoverageError when a hunk is cut off or damaged."""
    lines = text.split('\n')
    found: List[FileDiff] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        git = _GIT.match(line)
        if git:
            found.append(FileDiff(git.group(2), git.group(1)))
        elif line.startswith('--- ') and lines[at + 1:at + 2] and lines[at + 1].startswith('+++ '):
            _names(found, line[4:], lines[at + 1][4:])
            at += 1
        elif line.startswith('deleted file mode') and found:
            found[-1].deleted = True
        elif line == 'GIT binary patch' and found:
            found[-1].binary = 'whole'
        elif line.startswith('Binary files ') and found:
            found[-1].binary = 'named'
        elif _HUNK.match(line) and found:
            at = _hunk(found[-1], lines, at)
            continue
        at += 1
    return found


def _names(found: List[FileDiff], old: str, new: str) -> None:
    """Take in '--- a/x' and '+++ b/x'; without a 'diff --git' before they begin a file."""
    old_path, new_path = _name(old), _name(new)
    path = new_path if new_path != NOTHING else old_path
    if not found or found[-1].path != path or found[-1].hunks:
        found.append(FileDiff(path, old_path if old_path != NOTHING else path))
    found[-1].deleted = new_path == NOTHING


def _name(text: str) -> str:
    name = text.partition('\t')[0].strip().strip('"')
    return name if name == NOTHING else re.sub(r'^[ab]/', '', name)


def _hunk(file: FileDiff, lines: Sequence[str], at: int) -> int:
    """Read one hunk; where the next line is."""
    head = _HUNK.match(lines[at])
    assert head
    old, new = int(head.group(1)), int(head.group(3))
    old_left, new_left = int(head.group(2) or 1), int(head.group(4) or 1)
    hunk = Hunk(old, new)
    number = len(file.hunks) + 1
    at += 1
    while old_left > 0 or new_left > 0:
        if at >= len(lines) or (at == len(lines) - 1 and not lines[at]):
            raise CoverageError(f'{file.path}, hunk {number} is cut off')
        line = lines[at]
        sign = line[:1] or ' '      # mailers drop the space of an empty line
        if sign not in ' +-\\':
            raise CoverageError(f'{file.path}, hunk {number} is damaged: {line[:40]}')
        if sign != '\\':
            hunk.rows.append((sign, old, new, line[1:]))
            old, new = old + (sign != '+'), new + (sign != '-')
            old_left, new_left = old_left - (sign != '+'), new_left - (sign != '-')
        at += 1
    file.hunks.append(hunk)
    return at


def moved(files: Sequence[FileDiff], least: int = 3) -> Dict[str, List[int]]:
    """Added lines that stand as they were removed elsewhere, in runs of a few lines."""
    gone = [text.strip() for file in files for _, text in sorted(file.removed.items())]
    starts: Dict[str, List[int]] = {}
    for place, text in enumerate(gone):
        starts.setdefault(text, []).append(place)
    found: Dict[str, List[int]] = {}
    for file in files:
        for run in _runs(sorted(file.added.items())):
            lines = list(_moved_lines(run, gone, starts, least))
            if lines:
                found.setdefault(file.path, []).extend(lines)
    return found


def _runs(added: Sequence[Tuple[int, str]]) -> Iterator[List[Tuple[int, str]]]:
    """Added lines in stretches without a gap."""
    run: List[Tuple[int, str]] = []
    for number, text in added:
        if run and number != run[-1][0] + 1:
            yield run
            run = []
        run.append((number, text.strip()))
    if run:
        yield run


def _moved_lines(run: Sequence[Tuple[int, str]], gone: Sequence[str],
                 starts: Dict[str, List[int]], least: int) -> Iterator[int]:
    at = 0
    while at < len(run):
        best = 0
        for place in starts.get(run[at][1], ())[:50]:
            length = 0
            while (at + length < len(run) and place + length < len(gone)
                   and run[at + length][1] == gone[place + length]):
                length += 1
            best = max(best, length)
        if best >= least:
            yield from (number for number, _ in run[at:at + best])
        at += best if best >= least else 1
