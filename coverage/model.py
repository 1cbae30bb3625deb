# SPDX-License-Identifier: GPL-2.0
"""What was executed: files, their lines, branches and functions.

Counts are numbers of executions, summed over the runs and over the objects
that a file was compiled into; zero is "compiled, and never executed".  A line
that is not there at all has no code in any object that was read.
"""

from dataclasses import dataclass, field
from typing import Dict, Iterable, Iterator, List, Tuple


class CoverageError(Exception):
    """The data cannot be read or does not fit: one line that says which and why."""


@dataclass(frozen=True)
class Ratio:
    """How many of how many."""
    covered: int
    total: int

    def __add__(self, other: 'Ratio') -> 'Ratio':
        return Ratio(self.covered + other.covered, self.total + other.total)

    @property
    def percent(self) -> str:
        """Rounded to one decimal, but 100 and 0 only when it is all or nothing."""
        if not self.total:
            return '-'
        if self.covered in (0, self.total):
            return '100 %' if self.covered else '0 %'
        share = min(max(100 * self.covered / self.total, 0.1), 99.9)
        return f'{share:.1f} %'

    def facts(self) -> Dict[str, int]:
        """For report.json."""
        return {'covered': self.covered, 'total': self.total}


NOTHING = Ratio(0, 0)


@dataclass(frozen=True)
class Totals:
    """Lines, branch outcomes and functions, each covered and in all."""
    lines: Ratio = NOTHING
    branches: Ratio = NOTHING
    functions: Ratio = NOTHING

    def __add__(self, other: 'Totals') -> 'Totals':
        return Totals(self.lines + other.lines, self.branches + other.branches,
                      self.functions + other.functions)

    def facts(self) -> Dict[str, Dict[str, int]]:
        """For report.json."""
        return {'lines': self.lines.facts(), 'branches': self.branches.facts(),
                'functions': self.functions.facts()}


@dataclass
class Line:
    """One line of source: how often it ran, and each outcome of its branches.

    branches: executions of each outcome, in the compiler's order; a two-way
    condition has two, `a && b` usually four, a switch one for each target.
    """
    count: int = 0
    branches: List[int] = field(default_factory=list)

    def add(self, other: 'Line') -> None:
        """Add what another run, or another object's copy of the line, executed.

        Outcomes are added by position, as lcov does.  An object that holds
        more of them (it inlined the line twice) adds its further ones.
        """
        self.count += other.count
        for position, taken in enumerate(other.branches):
            if position < len(self.branches):
                self.branches[position] += taken
            else:
                self.branches.append(taken)

    @property
    def outcomes(self) -> Ratio:
        """Branch outcomes that happened at least once, of all."""
        return Ratio(sum(1 for taken in self.branches if taken), len(self.branches))


@dataclass
class Function:
    """A function as the compiler kept it: its source lines and its calls.

    A function that was inlined everywhere before gcc instrumented it has no
    entry; its lines are there all the same.
    """
    name: str
    start: int
    end: int
    count: int = 0


@dataclass
class File:
    """One source file.  path: below the source folder, else absolute."""
    path: str
    lines: Dict[int, Line] = field(default_factory=dict)
    functions: Dict[Tuple[int, str], Function] = field(default_factory=dict)

    def add(self, other: 'File') -> None:
        """Add what another run or object says about the same file."""
        for number, line in other.lines.items():
            self.lines.setdefault(number, Line()).add(line)
        for key, function in other.functions.items():
            mine = self.functions.setdefault(
                key, Function(function.name, function.start, function.end))
            mine.count += function.count

    @property
    def totals(self) -> Totals:
        """Counts over the whole file."""
        return self._count(self.lines.values(), self.functions.values())

    def inside(self, function: Function) -> Totals:
        """Counts over the lines between a function's first and last."""
        lines = (line for number, line in self.lines.items()
                 if function.start <= number <= function.end)
        return self._count(lines, (function,))

    @staticmethod
    def _count(lines: Iterable[Line], functions: Iterable[Function]) -> Totals:
        covered = total = 0
        branches = NOTHING
        for line in lines:
            total += 1
            covered += line.count > 0
            branches += line.outcomes
        called = [function.count > 0 for function in functions]
        return Totals(Ratio(covered, total), branches, Ratio(sum(called), len(called)))

    def in_order(self) -> Iterator[Function]:
        """The functions by their place in the source."""
        for key in sorted(self.functions):
            yield self.functions[key]


@dataclass
class Coverage:
    """Everything that a set of objects did in a set of runs.

    files: by File.path.  compiler: gcov's name of it ('12.2.0').  lost: runs
    that left no data at all (they did not end by exit()).  not_linked: objects
    without data in a run that left data for others: they are not part of the
    program that ran; their lines count as never executed.
    """
    files: Dict[str, File] = field(default_factory=dict)
    compiler: str = ''
    lost: List[str] = field(default_factory=list)
    not_linked: List[str] = field(default_factory=list)

    def add_file(self, other: File) -> None:
        """Add one file of one object and run."""
        self.files.setdefault(other.path, File(other.path)).add(other)

    def only(self, paths: Iterable[str]) -> 'Coverage':
        """The same for some of the files, in the order asked for."""
        return Coverage({path: self.files[path] for path in paths if path in self.files},
                        self.compiler, self.lost, self.not_linked)

    @property
    def totals(self) -> Totals:
        """Counts over all files."""
        return sum((entry.totals for entry in self.files.values()), Totals())
