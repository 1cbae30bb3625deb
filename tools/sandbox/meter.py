# SPDX-License-Identifier: GPL-2.0
"""A count that is shown while it grows, and that leaves nothing behind.

Unlike a Progress it says nothing about what is quick: a warm run has one line.
"""

import sys
import time

from . import cli


class Meter:
    """'building: 12 of 621 objects', in place on a terminal, now and then elsewhere."""

    def __init__(self, what: str, total: int, unit: str, about: bool = False) -> None:
        self.count = 0
        self._what, self._total, self._unit = what, total, unit
        self._about = 'about ' if about else ''
        self._terminal = sys.stderr.isatty()
        self._pause = 0.2 if self._terminal else 20.0
        self._next = time.monotonic() + (0.2 if self._terminal else 5.0)
        self._drawn = False

    def at(self, count: int) -> None:
        """The count is now this."""
        self.count = count
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._pause
        text = f'{self._what}: {count} of {self._about}{max(count, self._total)} {self._unit}'
        if self._terminal:
            self._drawn = True
            print(f'\r{text}\033[K', end='', file=sys.stderr, flush=True)
        else:
            cli.say(text)

    def close(self) -> None:
        """Leave a clean line."""
        if self._drawn:
            print('\r\033[K', end='', file=sys.stderr, flush=True)
            self._drawn = False
