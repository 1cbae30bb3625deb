# SPDX-License-Identifier: GPL-2.0
"""What every verb's command line has in common.

Exit status of tools/VERB: 0 all held, 1 something tested failed, 2 it could
not be tested (bad input, missing dependency, broken build), 130 interrupted.
"""

import argparse
import os
import signal
import sys
from types import FrameType
from typing import Callable, NoReturn, Optional, Sequence

HELD = 0
FAILED = 1
UNTESTABLE = 2
INTERRUPTED = 130


class CannotTest(Exception):
    """The verb cannot do its work: one line with the cause and the way out."""


class _Help(argparse.Action):
    """--help, which make spells --help=1."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: object, option_string: Optional[str] = None) -> None:
        parser.print_help()
        parser.exit()


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line."""

    def __init__(self, verb: str, description: str, epilog: str = '') -> None:
        super().__init__(prog=f'tools/{verb}', description=description, epilog=epilog,
                         formatter_class=argparse.RawDescriptionHelpFormatter,
                         allow_abbrev=False, add_help=False)
        self.add_argument('-h', '--help', nargs='?', action=_Help, help='show this and end')

    def error(self, message: str) -> NoReturn:
        self.exit(UNTESTABLE, f'{self.prog}: {message}; see {self.prog} --help\n')

    def add_switch(self, name: str, help_text: str) -> None:
        """An option that is on as --name or, from make's NAME=1, --name=1."""
        self.add_argument(name, nargs='?', const=True, default=False, type=_truth,
                          metavar='0|1', help=help_text)


def _truth(text: str) -> bool:
    if text in ('1', 'y', 'yes'):
        return True
    if text in ('0', 'n', 'no', ''):
        return False
    raise argparse.ArgumentTypeError(f"'{text}' is neither 0 nor 1")


def positive(text: str) -> int:
    """An argparse type: a whole number above zero."""
    try:
        number = int(text, 0)
    except ValueError:
        number = 0
    if number <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above zero")
    return number


def say(message: str) -> None:
    """A line of progress: to stderr, so that stdout holds only the answer."""
    print(message, file=sys.stderr, flush=True)


def _terminate(_number: int, _frame: Optional[FrameType]) -> NoReturn:
    raise KeyboardInterrupt


def main(verb: Callable[[Sequence[str]], int]) -> NoReturn:
    """Run a verb and end the process with its status."""
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGHUP, _terminate)
    name = os.path.basename(sys.argv[0])
    try:
        status = verb(sys.argv[1:])
        sys.stdout.flush()
    except CannotTest as cause:
        sys.stdout.flush()
        say(f'tools/{name}: {cause}')
        status = UNTESTABLE
    except KeyboardInterrupt:
        say(f'tools/{name}: interrupted')
        status = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = INTERRUPTED
    sys.exit(status)
