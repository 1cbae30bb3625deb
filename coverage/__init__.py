# SPDX-License-Identifier: GPL-2.0
"""Read gcov data, merge it, count it, write it.

This package knows gcc's coverage files and nothing else: not make, not KUnit,
not which kernel it reads.  `gcov.read` turns objects and the data of runs into
a `Coverage`; `lcov.write` and `table` turn that into what others read.

What went wrong is a `CoverageError` whose text is one line.
"""

from .model import Coverage, CoverageError, File, Function, Line, Ratio, Totals

__all__ = ['Coverage', 'CoverageError', 'File', 'Function', 'Line', 'Ratio', 'Totals']
