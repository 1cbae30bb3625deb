# SPDX-License-Identifier: GPL-2.0
"""lcov's tracefile format (.info), as geninfo(1) documents it.

Read by genhtml, diff-cover and most CI services.  Outcomes of a line that was
never executed are written as '-', which means just that.
"""

from pathlib import Path
from typing import Iterator

from .model import Coverage, File


def text(coverage: Coverage, source: Path, test: str = '') -> str:
    """The tracefile; SF: names are absolute, below the source folder.

    test: a name for the TN: record, letters, digits and '_' only.
    """
    records = (record for path in sorted(coverage.files)
               for record in _file(coverage.files[path], source))
    return ''.join(f'{record}\n' for record in (f'TN:{test}', *records))


def _file(entry: File, source: Path) -> Iterator[str]:
    totals = entry.totals
    yield f'SF:{source / entry.path}'
    for function in entry.in_order():
        yield f'FN:{function.start},{function.name}'
    for function in entry.in_order():
        yield f'FNDA:{function.count},{function.name}'
    yield f'FNF:{totals.functions.total}'
    yield f'FNH:{totals.functions.covered}'
    for number in sorted(entry.lines):
        line = entry.lines[number]
        for position, taken in enumerate(line.branches):
            yield f'BRDA:{number},0,{position},{taken if line.count else "-"}'
    yield f'BRF:{totals.branches.total}'
    yield f'BRH:{totals.branches.covered}'
    for number in sorted(entry.lines):
        yield f'DA:{number},{entry.lines[number].count}'
    yield f'LF:{totals.lines.total}'
    yield f'LH:{totals.lines.covered}'
    yield 'end_of_record'
