# SPDX-License-Identifier: GPL-2.0
"""Which lines of a file the preprocessor let through."""

import re
from typing import Callable, Set

_MARKER = re.compile(r'# (\d+) "((?:[^"\\]|\\.)*)"')


def lines(text: str, wanted: Callable[[str], bool]) -> Set[int]:
    """The lines of the wanted file that are in the output of gcc -E."""
    found: Set[int] = set()
    number, ours = 1, False
    for line in text.split('\n'):
        marker = _MARKER.match(line)
        if marker:
            number, ours = int(marker.group(1)), wanted(marker.group(2))
            continue
        if ours and line.strip():
            found.add(number)
        number += 1
    return found
