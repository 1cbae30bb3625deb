# SPDX-License-Identifier: GPL-2.0
"""Reasons why lines cannot be covered, kept in files beside the tests.

    # comment
    mm/mprotect.c: change_pte_range
        prot_numa = true; -- needs CONFIG_NUMA, which UML does not have
    mm/vma.c: some_function
        * -- the whole function: why

A heading names a source file and a function; below it, indented, stand lines
of its source without their indentation, each with its reason.  Every line of
the function with that text is meant, '*' means all of them.  A reason excuses
lines that were not executed and branch outcomes that did not happen; one that
excuses nothing is stale.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, List, Sequence, Tuple

from .model import Coverage, CoverageError, File, Function, Line, Ratio

WHOLE = '*'
_HEADING = re.compile(r'(\S+): (\S+)$')


@dataclass(frozen=True)
class Reason:
    """One entry: text is the source line's, place where the entry stands."""
    path: str
    function: str
    text: str
    why: str
    place: str


@dataclass
class Excused:
    """What the reasons add to a coverage.

    why: by (path, line) of lines that have a gap and a reason for it.
    lines, outcomes: covered or excused, of all.  stale: a line of text each.
    """
    why: Dict[Tuple[str, int], str] = field(default_factory=dict)
    lines: Ratio = Ratio(0, 0)
    outcomes: Ratio = Ratio(0, 0)
    stale: List[str] = field(default_factory=list)


def parse(text: str, place: str) -> List[Reason]:
    """The entries of one file; place is its name in messages."""
    found: List[Reason] = []
    path = function = ''
    for number, line in enumerate(text.splitlines(), 1):
        where = f'{place}:{number}'
        if not line.strip() or line.lstrip().startswith('#'):
            continue
        if not line[0].isspace():
            heading = _HEADING.match(line.rstrip())
            if not heading:
                raise CoverageError(f"{where}: a heading is 'PATH: FUNCTION'")
            path, function = heading.groups()
            continue
        source, separator, why = line.strip().partition(' -- ')
        if not path or not separator or not source.strip() or not why.strip():
            raise CoverageError(f"{where}: an entry is 'SOURCE LINE -- REASON', indented below "
                                "'PATH: FUNCTION'")
        found.append(Reason(path, function, source.strip(), why.strip(), where))
    return found


def read(files: Iterable[Path], root: Path) -> List[Reason]:
    """The entries of several files, which messages name relative to the root."""
    found: List[Reason] = []
    for file in files:
        place = str(file.relative_to(root)) if root in file.parents else str(file)
        found += parse(file.read_text(encoding='utf-8', errors='replace'), place)
    return found


def excuse(reasons: Sequence[Reason], coverage: Coverage, source: Path) -> Excused:
    """Hold the reasons against what was covered.

    Reasons for files that the coverage does not hold are left alone.
    """
    excused = Excused()
    texts: Dict[str, List[str]] = {}
    for reason in reasons:
        entry = coverage.files.get(reason.path)
        if entry is None:
            continue
        if reason.path not in texts:
            texts[reason.path] = source_lines(source / reason.path)
        complaint = _excuse_one(reason, entry, texts[reason.path], excused)
        if complaint:
            excused.stale.append(f'{reason.place}: {complaint}')
    for path, entry in coverage.files.items():
        for number, line in entry.lines.items():
            given = (path, number) in excused.why
            excused.lines += Ratio(int(line.count > 0 or given), 1)
            total = len(line.branches)
            excused.outcomes += Ratio(total if given else line.outcomes.covered, total)
    return excused


def _excuse_one(reason: Reason, entry: File, text: Sequence[str], excused: Excused) -> str:
    """Note what one reason excuses; what is wrong with it when that is nothing."""
    first, last = function_range(entry, reason.function, text)
    if not first:
        return f'{reason.path} has no function {reason.function}'
    meant = [number for number in sorted(entry.lines) if first <= number <= last
             and (reason.text == WHOLE or _text(text, number) == reason.text)]
    if not meant:
        what = 'code' if reason.text == WHOLE else f"line with code '{reason.text}'"
        return f'{reason.function} has no {what}'
    gaps = [number for number in meant if has_gap(entry.lines[number])]
    for number in gaps:
        excused.why.setdefault((reason.path, number), reason.why)
    return '' if gaps else f"'{reason.text}' of {reason.function} is covered"


def has_gap(line: Line) -> bool:
    """Whether a line was not executed, or an outcome of it did not happen."""
    return not line.count or line.outcomes.covered < line.outcomes.total


def function_range(entry: File, name: str, text: Sequence[str]) -> Tuple[int, int]:
    """First and last line of a function, (0, 0) when there is none of that name.

    One that was inlined everywhere has no entry and is looked for in the text.
    """
    for function in entry.in_order():
        if function.name == name:
            return function.start, _last(function, text)
    begins = re.compile(rf'([A-Za-z_].*(?<![\w>.]))?{re.escape(name)}\s*[(,)]')
    for number, line in enumerate(text, 1):
        if begins.match(line) and not line.endswith(';'):
            end = _end(text, number)
            if end:
                return number, end
    return 0, 0


def _last(function: Function, text: Sequence[str]) -> int:
    """The last line of a function that has an entry.

    What SYSCALL_DEFINE makes ends, to gcov, with the macro, when the body was inlined into it.
    """
    return max(function.end, _end(text, function.start))


def _end(text: Sequence[str], begin: int) -> int:
    """The line that closes a function begun in a line, 0 for a declaration.

    By the kernel's style, in which only a function's own braces stand in the first column.
    """
    for number in range(begin, len(text) + 1):
        line = text[number - 1]
        if line.startswith('}') or (number == begin and line.endswith('}')):
            return number
        if line.endswith(';') and not line[:1].isspace():
            return 0
    return 0


def source_lines(path: Path) -> List[str]:
    """The lines of a source file, [] when there is none."""
    try:
        text = path.read_text(encoding='utf-8', errors='replace')
    except OSError:
        return []
    return text.split('\n')


def gaps(coverage: Coverage, excused: Excused, source: Path) -> List[str]:
    """'path:line function: text  (what is missing)' of each gap without a reason."""
    rows: List[str] = []
    for path, entry in coverage.files.items():
        text = source_lines(source / path)
        functions = list(entry.in_order())
        for number in sorted(entry.lines):
            line = entry.lines[number]
            if not has_gap(line) or (path, number) in excused.why:
                continue
            inside = [function.name for function in functions
                      if function.start <= number <= _last(function, text)]
            missing = 'never executed' if not line.count else (
                f'{line.outcomes.total - line.outcomes.covered} of {line.outcomes.total} '
                'outcomes never happened')
            rows.append(f'{path}:{number} {inside[-1] if inside else "-"}: '
                        f'{_text(text, number)}  ({missing})')
    return rows


def _text(text: Sequence[str], number: int) -> str:
    """A line without its indentation."""
    return text[number - 1].strip() if 0 < number <= len(text) else ''
