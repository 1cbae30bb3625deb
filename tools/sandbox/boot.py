# SPDX-License-Identifier: GPL-2.0
"""One boot of a UML kernel: a host process with limits, of which nothing stays.

UML is several processes: the kernel, which calls setsid(), and a stub for each
address space.  All are in one session, so that is what gets killed.  The
kernel dies with us (PDEATHSIG), its stubs with it; its files are in a folder
of ours, its memory is an unlinked file.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, IO, List, Optional, Sequence

from . import proc

# As kunit.py: the console is what it reads KTAP from.
SHUTDOWN = 'kunit_shutdown=halt'
ARGUMENTS = ('mem=1G', 'console=tty', 'kunit.enable=1', SHUTDOWN)

EXITED = 'exited'
HUNG = 'hung'
FLOODED = 'flooded'

HOST_TRACE = 'Backtrace from the host:'
_PATIENCE = 20.0


@dataclass(frozen=True)
class Limits:
    """When a boot is over although it does not end.

    silence: seconds without a line.  case: seconds without a KTAP result.
    output: bytes printed without a KTAP result.
    """
    silence: float = 60.0
    case: float = 300.0
    output: int = 4 << 20


class Boot:
    """A running kernel.  Call read() when fileno() is readable and overdue() now and then.

    progressed is called with each line and tells whether it was a KTAP result;
    kept are files that the kernel finds open under the same numbers.
    """

    def __init__(self, command: Sequence[str], log: Path, folder: Path,
                 progressed: Callable[[str], bool], limits: Limits,
                 env: Optional[Dict[str, str]] = None, kept: Sequence[int] = ()) -> None:
        self.folder = folder
        self.how = ''
        self.reason = ''
        self.started = time.monotonic()
        self._progressed = progressed
        self._limits = limits
        self._rest = b''
        self._unreported = 0
        self._last_output = self._last_result = self.started
        folder.mkdir(parents=True, exist_ok=True)
        self._log: IO[bytes] = open(log, 'wb')
        environment = proc.environment(env)
        for name in ('TMPDIR', 'TMP', 'TEMP'):
            environment.pop(name, None)     # then UML's memory is in /dev/shm
        kernel, *arguments = command
        self.process = subprocess.Popen(
            ['setpriv', '--pdeathsig', 'KILL', kernel, f'uml_dir={folder}', 'umid=u', *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment, start_new_session=True, pass_fds=kept)
        assert self.process.stdout is not None
        self._pipe = self.process.stdout.fileno()
        os.set_blocking(self._pipe, False)

    def fileno(self) -> int:
        """For select: readable means that the kernel printed something or ended."""
        return self._pipe

    def read(self) -> bool:
        """Take in what was printed; False once the boot is over."""
        try:
            data = os.read(self._pipe, 1 << 16)
        except BlockingIOError:
            return True
        if not data:
            self._end(EXITED, '')
            return False
        self._take(data)
        if self._unreported > self._limits.output:
            self._end(FLOODED, f'printed {self._limits.output >> 20} MiB without a result')
            return False
        return True

    def overdue(self) -> bool:
        """End the boot if a limit has passed; whether it is over."""
        now = time.monotonic()
        if self._exited():
            while not self.how and self._readable():
                self.read()
            if not self.how:
                self._end(EXITED, '')
        elif now - self._last_output > self._limits.silence:
            self._hung(f'no output for {self._limits.silence:.0f} s')
        elif now - self._last_result > self._limits.case:
            self._hung(f'no result for {self._limits.case:.0f} s')
        return bool(self.how)

    def kill(self) -> None:
        """End the boot and every process of it; harmless when it is over."""
        if self.process.returncode is None:     # else its number may be another's by now
            end_session(self.process.pid)
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _exited(self) -> bool:
        """Whether the kernel has ended; it stays a zombie, so that nobody gets its number."""
        return self.process.returncode is not None or os.waitid(
            os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _readable(self) -> bool:
        return bool(select.select([self._pipe], [], [], 0)[0])

    def _take(self, data: bytes) -> None:
        self._last_output = time.monotonic()
        self._log.write(data)
        self._log.flush()
        self._unreported += len(data)
        *lines, self._rest = (self._rest + data).split(b'\n')
        for line in lines:
            if self._progressed(line.decode('utf-8', 'backslashreplace').rstrip('\r')):
                self._unreported = 0
                self._last_result = self._last_output

    def _hung(self, reason: str) -> None:
        """Have gdb ask the kernel where it waits, then end it."""
        if shutil.which('gdb'):
            asker = subprocess.Popen(_questions(self.process.pid), env=proc.environment(),
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL)
            until = time.monotonic() + _PATIENCE
            while asker.poll() is None and time.monotonic() < until:
                self._drain(0.05)
            asker.kill()
            self._drain(0.1)
            frames = [line for line in (asker.communicate()[0] or b'').split(b'\n')
                      if line.startswith(b'#')]
            self._take(b'\n'.join([b'\n' + HOST_TRACE.encode(), *frames, b'']))
        else:
            self._take(b'\n(without gdb on the host it cannot say where it waits)\n')
        self._end(HUNG, reason)

    def _drain(self, seconds: float) -> None:
        """Take in what is printed during a while."""
        until = time.monotonic() + seconds
        while True:
            with contextlib.suppress(BlockingIOError):
                data = os.read(self._pipe, 1 << 16)
                if not data:
                    return
                self._take(data)
            if time.monotonic() >= until:
                return
            time.sleep(0.01)

    def _end(self, how: str, reason: str) -> None:
        if self._rest:
            self._take(b'\n')
        if how == EXITED:       # what runs at exit (gcov) may still be at work
            until = time.monotonic() + _PATIENCE
            while not self._exited() and time.monotonic() < until:
                time.sleep(0.001)
        self.kill()
        status = self.process.returncode
        if how == EXITED and status:
            reason = (f'ended by {signal.Signals(-status).name}' if status < 0 else
                      f'ended with status {status}')
        self.how, self.reason = how, reason


def end_session(leader: int) -> None:
    """Kill every process of a session and wait until they are gone."""
    for _ in range(200):
        living = _session(leader)
        if not living:
            return
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _session(leader: int) -> List[int]:
    members = []
    for entry in os.listdir('/proc'):
        if not entry.isdigit():
            continue
        try:
            with open(f'/proc/{entry}/stat', 'rb') as stat:
                state, _, _, session = stat.read().rpartition(b')')[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(session) == leader and state != b'Z':
            members.append(int(entry))
    return members


def _questions(pid: int) -> List[str]:
    """gdb calls into the kernel, which needs no interrupt for that.

    KUnit prints a result without its newline, so that printk keeps it back
    until something follows: the banner does.  Then come the tasks that wait
    (TASK_UNINTERRUPTIBLE is 2) and, with lockdep, the locks they hold.
    """
    commands = ('set pagination off', 'handle all nostop noprint pass', 'backtrace 30',
                'call (int)_printk((char *)&linux_banner)', 'call (void)show_state_filter(2)',
                'call (void)debug_show_all_locks()')
    return ['gdb', '-nx', '-batch', '-p', str(pid),
            *(word for command in commands for word in ('-ex', command))]
