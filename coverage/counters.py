# SPDX-License-Identifier: GPL-2.0
"""The counters themselves: add data files up, and tell which lines ran.

gcov is asked for figures.  For the question "which of five hundred tests ran
this line" it is too slow, as it reads every file in full each time; so the
notes are read once here, and of the data only the functions that matter.  A
line ran when a block did whose last line in its function is this one; only
when there is no such block, one that has it among its lines.  That is what
gcov shows, too.

The layout of both files is that of gcc's gcov-io.h since gcc 12, where lengths
are bytes.
"""

import itertools
import operator
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

from . import gcov
from .model import CoverageError

FUNCTION = 0x01000000
BLOCKS = 0x01410000
ARCS = 0x01430000
LINES = 0x01450000
COUNTS = 0x01a10000
ON_TREE = 1

Counts = Dict[int, Tuple[int, ...]]     # by a function's number in the object
Place = Tuple[str, int]                 # source file as the compiler wrote it, and line


@dataclass
class Graph:
    """A function's blocks and the ways between them.

    arcs: from, to, and whether it is counted; the other counts follow, for
    what comes into a block goes out of it.  lines: those of each block.
    """
    number: int
    name: str
    source: str
    start: int
    end: int
    blocks: int = 0
    arcs: List[Tuple[int, int, bool]] = field(default_factory=list)
    lines: Dict[int, List[Place]] = field(default_factory=dict)

    def last(self, block: int) -> Optional[Place]:
        """The line that a block belongs to: of its last stretch in the function's file."""
        stretches = itertools.groupby(self.lines.get(block, ()), key=lambda place: place[0])
        own = [max(stretch) for name, stretch in stretches if name == self.source]
        return own[-1] if own else None

    def ends(self) -> Set[Place]:
        """The last lines of all blocks but the first and, as gcov has it, the last."""
        return {place for place in map(self.last, range(1, self.blocks - 1)) if place}

    def lines_of(self, executed: Set[int], ends: Set[Place]) -> Set[Place]:
        """The lines that ran, when these blocks did; ends: of all the object's functions."""
        ran = {place for block in executed for place in self.lines.get(block, ())
               if place not in ends}
        return ran | {place for block in executed if 0 < block < self.blocks - 1
                      for place in [self.last(block)] if place}

    def executed(self, counts: Sequence[int]) -> Set[int]:
        """The blocks that ran, by the counts of the counted arcs."""
        flow: List[Optional[int]] = []
        given = iter(counts)
        for _, _, counted in self.arcs:
            flow.append(next(given, 0) if counted else None)
        into: List[List[int]] = [[] for _ in range(self.blocks)]
        out: List[List[int]] = [[] for _ in range(self.blocks)]
        for index, (source, target, _) in enumerate(self.arcs):
            out[source].append(index)
            into[target].append(index)
        total: List[Optional[int]] = [None] * self.blocks
        waiting = list(range(self.blocks))
        while waiting:
            block = waiting.pop()
            for side in (into[block], out[block]):
                total[block] = _settle(side, flow, total[block])
            for side in (into[block], out[block]):
                found = _last_one(side, flow, total[block])
                if found >= 0:
                    waiting += [end for end in self.arcs[found][:2]]
        return {block for block, count in enumerate(total) if count}


def _settle(side: Sequence[int], flow: Sequence[Optional[int]],
            total: Optional[int]) -> Optional[int]:
    """A block's count, when all the arcs of one side are known (entry and exit have but one)."""
    if total is not None or not side:
        return total
    known = [flow[index] for index in side]
    return None if None in known else sum(count for count in known if count)


def _last_one(side: Sequence[int], flow: List[Optional[int]], total: Optional[int]) -> int:
    """Fill in the only unknown arc of a side; its index, or -1."""
    unknown = [index for index in side if flow[index] is None]
    if total is None or len(unknown) != 1:
        return -1
    flow[unknown[0]] = total - sum(flow[index] or 0 for index in side)
    return unknown[0]


class _Records:
    """The records of a notes or data file, one after another."""

    def __init__(self, path: Path, magic: bytes) -> None:
        self.raw = path.read_bytes()
        self.head = gcov.header(path, magic)
        self.path = path
        self.end = bytes(4) if magic == gcov.DATA else b''
        if self.head.major < 12:
            raise CoverageError(f'{path} is of a gcc before 12: no coverage by test')

    def word(self, at: int) -> int:
        """An unsigned word."""
        return int(struct.unpack_from(f'{self.head.order}I', self.raw, at)[0])

    def text(self, at: int) -> Tuple[str, int]:
        """A string and where it ends."""
        length = self.word(at)
        raw = self.raw[at + 4:at + 4 + length].rstrip(b'\0')
        return raw.decode('utf-8', 'surrogateescape'), at + 4 + length

    def each(self, start: int) -> Iterator[Tuple[int, int, int]]:
        """Tag, where the payload begins, and its length; below zero for that many zeros.

        Data ends with a tag of zero, notes without; else the file is cut off.
        """
        at, pair = start, struct.Struct(f'{self.head.order}Ii')
        while at + 8 <= len(self.raw):
            tag, length = pair.unpack_from(self.raw, at)
            if not tag or at + 8 + length > len(self.raw):
                break
            yield tag, at + 8, length
            at += 8 + max(length, 0)
        if self.raw[at:] != self.end:
            raise gcov.cut_off(self.path)


def notes(path: Path) -> List[Graph]:
    """The functions of a .gcno file."""
    records = _Records(path, gcov.NOTES)
    _, start = records.text(16)         # the folder it was compiled in
    graphs: List[Graph] = []
    for tag, at, length in records.each(start + 4):
        if tag == FUNCTION:
            name, then = records.text(at + 12)
            source, then = records.text(then + 4)
            graphs.append(Graph(records.word(at), name, source, records.word(then),
                                records.word(then + 8)))
        elif tag == BLOCKS:
            graphs[-1].blocks = records.word(at)
        elif tag == ARCS:
            block = records.word(at)
            graphs[-1].arcs += [(block, records.word(one), not records.word(one + 4) & ON_TREE)
                                for one in range(at + 4, at + length, 8)]
        elif tag == LINES:
            graphs[-1].lines[records.word(at)] = list(_lines(records, at + 4, at + length))
    return graphs


def _lines(records: _Records, at: int, end: int) -> Iterator[Place]:
    """The lines of one block: numbers, and a zero before each change of file."""
    file = ''
    while at < end:
        line = records.word(at)
        at += 4
        if line:
            yield file, line
            continue
        name, at = records.text(at)
        if not name:
            return
        file = name


def data(path: Path, notes_file: Optional[Path] = None) -> Counts:
    """The counts of a .gcda file, of the functions that ran; of the build that made the notes."""
    if notes_file:
        gcov.same_build(notes_file, gcov.header(notes_file, gcov.NOTES), path,
                        gcov.header(path, gcov.DATA))
    records = _Records(path, gcov.DATA)
    found: Counts = {}
    number = 0
    for tag, at, length in records.each(16):
        if tag == FUNCTION and length:
            number = records.word(at)
        elif tag == COUNTS and length > 0:
            found[number] = struct.unpack_from(f'{records.head.order}{length // 8}Q',
                                               records.raw, at)
    return found


def add(files: Dict[Path, Counts], target: Path) -> None:
    """Write one .gcda file with the sum of several of the same object."""
    total: Dict[int, List[int]] = {}
    for each in files.values():
        for number, counts in each.items():
            mine = total.get(number)
            total[number] = list(counts) if mine is None else list(map(operator.add, mine, counts))
    records = _Records(next(iter(files)), gcov.DATA)
    order, parts, number = records.head.order, [records.raw[:16]], 0
    for tag, at, length in records.each(16):
        payload = records.raw[at:at + max(length, 0)]
        if tag == FUNCTION and length:
            number = records.word(at)
        elif tag == COUNTS and number in total:
            payload = struct.pack(f'{order}{len(total[number])}Q', *total[number])
            length = len(payload)
        parts.append(struct.pack(f'{order}Ii', tag, length) + payload)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b''.join(parts) + bytes(4))


@dataclass
class Watched:
    """The functions of one object that hold lines somebody asks about."""
    graphs: Dict[int, Graph]
    ends: Set[Place]
    places: Dict[str, str]      # source file as the compiler wrote it: its name here

    def lines(self, counted: Counts) -> Set[Place]:
        """The lines, of the files asked about, that ran by one file's counts."""
        ran: Set[Place] = set()
        for number, counts in counted.items():
            graph = self.graphs.get(number)
            if graph is None:
                continue
            ran.update((self.places[name], line) for name, line
                       in graph.lines_of(graph.executed(counts), self.ends) if name in self.places)
        return ran


def watch(functions: Iterable[Graph], places: Dict[str, str], lines: Dict[str, Set[int]]
          ) -> Watched:
    """Prepare to ask an object about lines (by the name here) of some source files."""
    graphs, ends = {}, set()
    for graph in functions:
        ends |= graph.ends()
        held = {(places[name], line) for block in graph.lines.values() for name, line in block
                if name in places}
        if any(line in lines.get(name, ()) for name, line in held):
            graphs[graph.number] = graph
    return Watched(graphs, ends, places)


def sources(graphs: Iterable[Graph]) -> Set[str]:
    """The source files that functions have lines of, as the compiler wrote them."""
    return {name for graph in graphs for block in graph.lines.values() for name, _ in block}
