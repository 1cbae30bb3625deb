# SPDX-License-Identifier: GPL-2.0
"""The shortest list of steps that still fails: delta debugging.

After Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
Input" (2002), less the test of subsets: it pays off where the input is a
text, but steps that build on each other hardly ever fail in a small part.
"""

import re
from typing import Callable, List, Optional, Sequence

from . import cli

# The steps that were run until it failed, if it failed; None if it held.
Trial = Callable[[Sequence[int]], Optional[Sequence[int]]]


def shrink(steps: Sequence[int], trial: Trial, time_left: Callable[[], bool]) -> List[int]:
    """Leave out what the failure does not need, in ever smaller parts, while there is time."""
    kept = list(steps)
    parts = 2
    while len(kept) > 1 and time_left():
        shorter = _without_a_part(kept, parts, trial, time_left)
        if shorter is not None:
            kept = shorter
            parts = max(2, min(parts - 1, len(kept)))
        elif parts >= len(kept):
            break
        else:
            parts = min(len(kept), 2 * parts)
    return kept


def _without_a_part(kept: Sequence[int], parts: int, trial: Trial,
                    time_left: Callable[[], bool]) -> Optional[List[int]]:
    """A list with one of the parts left out that still fails; late parts are tried first."""
    bounds = [len(kept) * number // parts for number in range(parts + 1)]
    for first, end in reversed(list(zip(bounds, bounds[1:]))):
        rest = [*kept[:first], *kept[end:]]
        if not rest or not time_left():
            return None
        needed = trial(rest)
        if needed is not None:
            return list(needed)
    return None


def numbers(text: str) -> List[int]:
    """The steps of a list as it is written: '3-17,20'."""
    steps: List[int] = []
    for part in text.split(','):
        found = re.fullmatch(r'\s*(\d+)(?:-(\d+))?\s*', part)
        if not found or int(found.group(2) or found.group(1)) < int(found.group(1)):
            raise cli.CannotTest(f"STEPS: '{text}' is not a list like 3-17,20")
        steps += range(int(found.group(1)), int(found.group(2) or found.group(1)) + 1)
    return sorted(set(steps))


def written(steps: Sequence[int]) -> str:
    """The inverse of numbers()."""
    parts: List[List[int]] = []
    for step in steps:
        if parts and parts[-1][1] == step - 1:
            parts[-1][1] = step
        else:
            parts.append([step, step])
    return ','.join(str(first) if first == last else f'{first}-{last}' for first, last in parts)
