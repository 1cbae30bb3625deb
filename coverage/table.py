# SPDX-License-Identifier: GPL-2.0
"""Coverage as text for a terminal: at most 80 columns, a row for each thing."""

import textwrap
from typing import List

from .model import Coverage, Ratio
from .reasons import Excused

NAME = 26
FUNCTION = 32


def _cell(ratio: Ratio) -> str:
    return f'{ratio.covered}/{ratio.total}'.rjust(10) + ratio.percent.rjust(7)


def _row(name: str, width: int, cells: List[str]) -> List[str]:
    """One row; a name that does not fit gets a line of its own, cut at 80 columns."""
    if len(name) <= width:
        return [f'{name:<{width}}' + ''.join(f' {cell}' for cell in cells)]
    shown = name if len(name) <= 80 else f'...{name[-77:]}'
    return [shown] + _row('', width, cells)


def _head(width: int, *titles: str) -> str:
    return ' ' * width + ''.join(f' {title}' for title in titles)


def files(coverage: Coverage) -> List[str]:
    """Lines, branch outcomes and functions: covered/all and the share, by file."""
    rows = [_head(NAME, *(title.rjust(17) for title in ('lines', 'branches', 'functions')))]
    named = [(path, entry.totals) for path, entry in coverage.files.items()]
    if len(named) > 1:
        named.append(('in all', coverage.totals))
    for name, totals in named:
        rows += _row(name, NAME, [_cell(totals.lines), _cell(totals.branches),
                                  _cell(totals.functions)])
    return rows


def with_reasons(excused: Excused) -> List[str]:
    """What is covered or has a recorded reason not to be, and the reasons that no longer hold."""
    rows = []
    if excused.why:
        rows = _row('with reasons', NAME, [_cell(excused.lines), _cell(excused.outcomes)])
    for complaint in excused.stale:
        rows += textwrap.wrap(f'stale reason: {complaint}', 80, subsequent_indent='    ',
                              break_on_hyphens=False)
    return rows


def functions(coverage: Coverage) -> List[str]:
    """The same for each function, under its file, with the number of its calls."""
    rows = []
    for path, entry in coverage.files.items():
        titles = ['lines'.rjust(17), 'branches'.rjust(17), 'calls'.rjust(10)]
        rows += _row(path, FUNCTION, titles)
        for function in entry.in_order():
            totals = entry.inside(function)
            calls = str(function.count) if function.count else 'never'
            rows += _row(f'  {function.name}', FUNCTION,
                         [_cell(totals.lines), _cell(totals.branches), calls.rjust(10)])
    return rows


def never_called(coverage: Coverage) -> List[str]:
    """'path:line name' of each function that no run called."""
    return [f'{path}:{function.start} {function.name}'
            for path, entry in coverage.files.items()
            for function in entry.in_order() if not function.count]
