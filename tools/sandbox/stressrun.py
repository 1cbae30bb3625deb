# SPDX-License-Identifier: GPL-2.0
"""What the stress program said, and which steps its failure takes.

The program (tools/guest/stress) runs rounds, each from a seed of its own and
in a mode; a step is numbered and does the same whatever other steps are left
out.  So a failure is repeated by the round's seed, its mode and a list of
steps, and the list can be made shorter.
"""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import List, Optional, Sequence

from . import boot, cli, guestrun, kernel_log, paths, shrink
from .guest import compile_static, prepare_root
from .guestrun import Ended, Guest

SOURCES = paths.TOOLS / 'guest' / 'stress'
MODES = ('all', 'single', 'threads', 'shared')
STEPS = 300                 # of a round
_TELLS_EVERY = 32           # steps between two lines 'at N'
_REPLAYS = 3                # a race does not show each time
_LONGEST_ROUND = 300.0      # seconds, in slow configurations

_ROUND = re.compile(r'stress: round (\d+) seed=(0x[0-9a-f]+|0) mode=(\w+)')
_AT = re.compile(r'stress: at (\d+)')
_FAILED = re.compile(r'stress: FAILED (?:step (\d+) )?(.*)')
_STEP = re.compile(r'stress: (step \d+ .*)')
_BEFORE = re.compile(r'stress: before: (.*)')

MISMATCH, SPLAT, HANG, DEATH = 'mismatch', 'splat', 'hang', 'death'


@dataclass
class Failure:
    """What went wrong: in which round, in which step if that is known, and the cause."""
    kind: str
    seed: str
    mode: str
    step: Optional[int]
    title: str
    lines: List[str] = field(default_factory=list)


@dataclass
class Verdict:
    """What a boot came to: rounds that held, and the failure that ended it."""
    rounds: int = 0
    failure: Optional[Failure] = None


def settles(line: str) -> bool:
    """Whether a console line means that this boot has failed."""
    return bool(_FAILED.match(line) or kernel_log.scan([line]))


def judge(ended: Ended) -> Verdict:
    """Read the console of a boot.  CannotTest when the program did not get to work."""
    seed, mode, at, rounds = '', '', -1, 0
    said: Optional[Failure] = None
    before: List[str] = []
    for line in ended.lines:
        found = _ROUND.match(line)
        if found:
            rounds = int(found.group(1))
            seed, mode, at = found.group(2), found.group(3), -1
        found = _AT.match(line)
        if found:
            at = int(found.group(1))
        found = _BEFORE.match(line)
        if found:
            before.append(found.group(1))
        found = _FAILED.match(line)
        if found and not said:
            step = int(found.group(1)) if found.group(1) else None
            said = Failure(MISMATCH, seed, mode, step, found.group(2), before)
    failure = _of_kernel(ended, seed, mode, at) or said
    if not failure and ended.status == cli.HELD and seed:
        return Verdict(rounds + 1)
    if not failure and ended.status is not None or not seed:
        raise cli.CannotTest(f'the stress program gave no verdict: {_last_words(ended)}')
    return Verdict(rounds, failure or Failure(
        DEATH, seed, mode, _bound(at), ended.reason or 'the kernel ended without a word'))


def _bound(at: int) -> int:
    """The last step that may have run when 'at N' was the last that was told."""
    return at + _TELLS_EVERY


def _of_kernel(ended: Ended, seed: str, mode: str, at: int) -> Optional[Failure]:
    """What the kernel complained about, or that it hung; it counts before what the program says."""
    splats = kernel_log.scan(ended.lines)
    if splats and seed:
        return Failure(SPLAT, seed, mode, _bound(at), splats[0].title, splats[0].lines)
    if ended.how != boot.EXITED and seed:
        return Failure(HANG, seed, mode, _bound(at),
                       ended.reason + kernel_log.waited(ended.lines), ended.lines[-60:])
    return None


def _last_words(ended: Ended) -> str:
    for line in reversed(ended.lines):
        if 'cannot test' in line or 'guest:' in line or 'panic' in line:
            return line
    return ended.reason or (ended.lines[-1] if ended.lines else 'it printed nothing')


class Stress:
    """Boots of the stress program on one machine; words: options for all of them."""

    def __init__(self, guest: Guest, logs: Path, limits: boot.Limits,
                 words: Sequence[str] = ()) -> None:
        self.guest = guest
        self.words = list(words)
        self.logs = logs
        self.limits = limits
        self.boots = 0
        prepare_root(guest.root)
        compile_static(sorted(SOURCES.glob('*.c')), guest.root / 'bin' / 'stress')

    def run(self, words: Sequence[str], steps: Optional[Sequence[int]], seconds: float) -> Ended:
        """One boot; with steps, only those."""
        self.boots += 1
        command = ['stress', f'cpus={self.guest.cpus}', *self.words, *words]
        if steps is not None:
            (self.guest.root / 'steps').write_text(shrink.written(steps) + '\n', encoding='ascii')
            command.append('list=/steps')
        return guestrun.run(self.guest, command, self.logs / f'boot-{self.boots}.log',
                            self.limits, seconds, settles)

    def soak(self, seed: int, seconds: int, rounds: int, mode: str,
             steps: Optional[Sequence[int]]) -> Ended:
        """Round after round."""
        words = [f'seed={seed:#x}', f'seconds={seconds}', f'mode={mode}']
        words += [f'rounds={rounds}'] if rounds else []
        return self.run(words, steps, seconds + _LONGEST_ROUND)

    def replay(self, failure: Failure, steps: Sequence[int], verbose: bool = False) -> Ended:
        """The failing round again, or some steps of it."""
        words = [f'seed={failure.seed}', 'rounds=1', f'mode={failure.mode}']
        words += ['verbose=1'] if verbose else []
        return self.run(words, steps, _LONGEST_ROUND)


def candidates(failure: Failure) -> List[int]:
    """The steps that may have a part in it: with one thread, none after the failing one."""
    if failure.mode == 'single' and failure.step is not None:
        return list(range(min(failure.step + 1, STEPS)))
    return list(range(STEPS))


@dataclass
class Shrunk:
    """The shortest replay: its steps, what they do, whether it failed again at all, the cost."""
    steps: List[int]
    again: bool
    trace: List[str]
    failure: Failure
    replays: int


def shortest(stress: Stress, failure: Failure, seconds: float,
             steps: Optional[Sequence[int]]) -> Shrunk:
    """Shrink the failing round's steps within about that many seconds."""
    until = time.monotonic() + seconds
    first = stress.boots
    last = [failure]

    def time_left() -> bool:
        return time.monotonic() < until

    def trial(some: Sequence[int]) -> Optional[Sequence[int]]:
        for _ in range(1 if failure.mode == 'single' else _REPLAYS):
            found = judge(stress.replay(failure, some)).failure
            if found:
                last[0] = found
                allowed = set(candidates(found))
                return [step for step in some if step in allowed]
        return None

    wanted = set(candidates(failure))
    initial = [step for step in (steps or sorted(wanted)) if step in wanted]
    needed = None
    for _ in range(_REPLAYS):
        needed = needed or trial(initial)
    if needed is None:
        return Shrunk(initial, False, failure.lines, failure, stress.boots - first)
    kept = shrink.shrink(needed, trial, time_left)
    shown = stress.replay(failure, kept, verbose=True)
    trace = [found.group(1) for found in map(_STEP.match, shown.lines) if found]
    return Shrunk(kept, True, trace, judge(shown).failure or last[0], stress.boots - first)
