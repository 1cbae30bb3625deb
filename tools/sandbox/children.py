# SPDX-License-Identifier: GPL-2.0
"""Long-running children that do not outlive us, however we end."""

import subprocess
from pathlib import Path
from typing import IO, Dict, List, Optional, Sequence, Union

Stream = Union[int, IO[bytes], IO[str], None]


class Children:
    """Processes that are gone when the `with` block is left, or we are killed."""

    def __init__(self) -> None:
        self._started: List['subprocess.Popen[bytes]'] = []

    def __enter__(self) -> 'Children':
        return self

    def start(self, command: Sequence[str], env: Dict[str, str], stdin: Stream = None,
              stdout: Stream = subprocess.PIPE, stderr: Stream = subprocess.DEVNULL,
              cwd: Optional[Path] = None) -> 'subprocess.Popen[bytes]':
        """Start a process; without stdin it reads nothing."""
        child = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', *command], env=env, cwd=cwd,
                                 stdin=subprocess.DEVNULL if stdin is None else stdin,
                                 stdout=stdout, stderr=stderr)
        self._started.append(child)
        return child

    def failed(self) -> bool:
        """Wait for all; whether one ended badly."""
        return any([child.wait() for child in self._started])

    def __exit__(self, *_: object) -> None:
        for child in self._started:
            if child.poll() is None:
                child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe:
                    _close(pipe)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        pass  # its reader ended first
