# SPDX-License-Identifier: GPL-2.0
"""How far a long step is: one line that changes on a terminal, else a few lines."""

import sys
import time
from types import TracebackType
from typing import Optional, Type

from . import cli

_TERMINAL_PAUSE = 0.2
_PLAIN_PAUSE = 10.0


class Progress:
    """A step that says what it does when it begins, how far it is, and how long it took."""

    def __init__(self, what: str, total: int = 0, unit: str = '') -> None:
        self._what = what
        self._total = total
        self._unit = unit
        self._terminal = sys.stderr.isatty()
        self._begun = self._said = time.monotonic()

    def __enter__(self) -> 'Progress':
        if not self._terminal:
            cli.say(f'{self._what} ...')
        self.at(0, now=True)
        return self

    def at(self, done: int, now: bool = False) -> None:
        """Say how far it is, unless it was said just now."""
        pause = _TERMINAL_PAUSE if self._terminal else _PLAIN_PAUSE
        moment = time.monotonic()
        if moment - self._said < pause and not (now and self._terminal):
            return
        self._said = moment
        text = f'{self._what}: {done} of {self._total} {self._unit}' if self._total else self._what
        if self._terminal:
            sys.stderr.write(f'\r{text}\x1b[K')
            sys.stderr.flush()
        else:
            cli.say(f'  {text}')

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if self._terminal:
            sys.stderr.write('\r\x1b[K')
            sys.stderr.flush()
        if kind is None:
            cli.say(f'{self._what}: done in {time.monotonic() - self._begun:.0f} s')
