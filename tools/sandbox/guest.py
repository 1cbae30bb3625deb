# SPDX-License-Identifier: GPL-2.0
"""A guest: a kernel that runs one program in a user space of its own, then ends.

UML is the only machine today.  Who uses this module knows a Machine (what the
guest is given), a Guest (a boot that is under way) and its Ending; how a
kernel is started, where its root and its disks come from, and how its words
are told from the program's is known here alone.

The root is a folder of the host, mounted read only, with mount points,
tools/guest/init.c and programs in it: no disk image.  The program's output is
on the first console, the kernel's log on the second, so that neither falls
into the other's lines.
"""

import contextlib
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

from . import boot, cli, packages, paths, proc

INIT = paths.TOOLS / 'guest' / 'init.c'
MOUNT_POINTS = ('dev', 'proc', 'sys', 'tmp', 'mnt', 'bin')
NEEDED = {'setpriv': 'util-linux', 'mkswap': 'util-linux', 'mkfs.ext4': 'e2fsprogs',
          'busybox': 'busybox-static'}

EXITED, KILLED = 'exited', 'killed'         # the program: with a status, by a signal
FAILED = 'failed'                           # the init could not start it
DIED = 'died'                               # the kernel ended without a verdict
HUNG, FLOODED = boot.HUNG, boot.FLOODED

_STARTED = 'guest: started'
_VERDICT = re.compile(r'guest: (?:(exited|killed) (\d+)|failed (.*))$')
_LOG_LIMIT = 16 << 20
_LOOK = 0.02            # seconds between looks at a log that the kernel writes by itself
_LIMITS = boot.Limits(silence=float('inf'), case=float('inf'), output=_LOG_LIMIT)
_MOST_WORDS = 30        # the kernel's CONFIG_INIT_ENV_ARG_LIMIT, less what is ours
_EVERYWHERE = '/usr/local/sbin:/usr/sbin:/sbin'


@dataclass(frozen=True)
class Machine:
    """What a guest is given; swap and ext4 are sizes of disks, '' for none.

    zram: size of a swap device in the guest's own memory, of which no read waits.
    directory: where the program starts.  user: number of the user it runs as.
    arguments: for the kernel.
    """
    memory: str = '512M'
    cpus: int = 1
    swap: str = ''
    ext4: str = ''
    zram: str = ''
    directory: str = ''
    user: int = 0
    arguments: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Ending:
    """How a guest ended: number is the exit status or the signal, reason for people."""
    how: str
    number: int = 0
    reason: str = ''

    @property
    def held(self) -> bool:
        """Whether the program ended well."""
        return self.how == EXITED and self.number == 0

    def title(self) -> str:
        """How it ended, for people: 'exit status 1', 'killed by SIGSEGV'."""
        if self.how == EXITED:
            return f'exit status {self.number}'
        if self.how == KILLED:
            return f'killed by {signal_name(self.number)}'
        return f'{self.how}: {self.reason}'


class Guest(boot.Boot):
    """A guest that runs; read() and overdue() as for any boot, then ending().

    output is called with each line of the program.  log holds these lines,
    kernel_log beside it (NAME.kernel) the kernel's.  Seconds: the time limit.
    """

    def __init__(self, kernel: Path, machine: Machine, root: Path, program: Sequence[str],
                 folder: Path, log: Path, seconds: float,
                 output: Callable[[str], None] = lambda line: None) -> None:
        self.kernel_log = log.with_suffix('.kernel')
        self._seconds = seconds
        self._output = output
        self._started = False
        self._preamble = ''
        self._verdict: Optional[Ending] = None
        folder.mkdir(parents=True)
        try:
            command = [str(kernel), *_arguments(machine, root, folder)]
            with open(self.kernel_log, 'ab', buffering=0) as kept:
                command += [f'con1=null,fd:{kept.fileno()}', 'console=tty1', *machine.arguments,
                            '--', *_words(program)]
                super().__init__(command, log, folder, self._line, _LIMITS, kept=[kept.fileno()])
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def overdue(self) -> bool:
        """End the guest when it took too long or its kernel prints without end."""
        if super().overdue():
            return True
        if time.monotonic() - self.started > self._seconds:
            self._hung(f'not over after {self._seconds:.0f} s')
        elif self.kernel_log.stat().st_size > _LOG_LIMIT:
            self._end(FLOODED, f'the kernel printed {_LOG_LIMIT >> 20} MiB')
        return bool(self.how)

    def ending(self) -> Ending:
        """What became of the program, once the guest is over."""
        if self.how in (HUNG, FLOODED):
            return Ending(self.how, reason=self.reason)
        if self._verdict:
            return self._verdict
        reason = self.reason or 'the kernel ended before the program'
        return Ending(DIED, reason=reason + (f': {self._preamble}' if self._preamble else ''))

    def kernel_lines(self) -> List[str]:
        """The kernel's log so far, in whole lines."""
        text = self.kernel_log.read_text(encoding='utf-8', errors='backslashreplace')
        if not self.how:
            text = text[:text.rfind('\n') + 1]
        return [line.rstrip('\r') for line in text.split('\n') if line]

    def _line(self, line: str) -> bool:
        found = _VERDICT.match(line)
        if not self._started and not found:     # the host's side of UML speaks first
            self._started = line == _STARTED
            self._preamble = '' if self._started else line or self._preamble
        elif not found:
            self._output(line)
        elif found.group(1):
            self._verdict = Ending(found.group(1), int(found.group(2)))
        else:
            self._verdict = Ending(FAILED, reason=found.group(3))
        return False


def _arguments(machine: Machine, root: Path, folder: Path) -> List[str]:
    """The kernel's arguments but for its consoles' host side; makes the disks."""
    words = [f'mem={machine.memory}', 'root=/dev/root', 'rootfstype=hostfs', f'rootflags={root}',
             'ro', 'init=/init', 'noreboot', 'printk.time=1', 'kunit.enable=0',
             'con=null', 'con0=null,fd:1', 'GUEST_CONSOLE=/dev/tty0']
    if machine.cpus > 1:
        words += [f'ncpus={machine.cpus}', 'seccomp=on']
    if machine.directory:
        words.append(f'GUEST_DIR={machine.directory}')
    if machine.zram:
        words.append(f'GUEST_ZRAM={machine.zram}')
    if machine.user:
        words.append(f'GUEST_USER={machine.user}')
    disks = []
    if machine.swap:
        disks.append(('GUEST_SWAP', make_disk(folder / 'swap', machine.swap, ['mkswap'])))
    if machine.ext4:
        disks.append(('GUEST_EXT4', make_disk(folder / 'ext4', machine.ext4,
                                              ['mkfs.ext4', '-q', '-F'])))
    for letter, (name, path) in zip('ab', disks):
        words += [f'ubd{letter}={path}', f'{name}=/dev/ubd{letter}']
    return words


def _words(program: Sequence[str]) -> List[str]:
    """A program's words as the kernel's command line takes them."""
    if len(program) > _MOST_WORDS:
        raise cli.CannotTest(f'{len(program)} arguments are too many for the kernel to pass on: '
                             'use a script')
    for word in program:
        if '"' in word or not word.isprintable():
            raise cli.CannotTest(f"the kernel's command line cannot pass on {word!r}: "
                                 'use a script')
    return [f'"{word}"' if ' ' in word or not word else word for word in program]


def make_disk(path: Path, size: str, command: Sequence[str]) -> Path:
    """A sparse file of that size, formatted."""
    proc.output(['truncate', '-s', size, str(path)])
    proc.output([str(_tool(command[0])), *command[1:], str(path)])
    return path


def _tool(name: str) -> Path:
    """A program of the host's, also where an ordinary user does not look."""
    found = shutil.which(name, path=f'{os.environ.get("PATH", "")}:{_EVERYWHERE}')
    if found is None:
        raise cli.CannotTest(f'{name} is not installed: apt-get install {NEEDED[name]}')
    return Path(found)


def signal_name(number: int) -> str:
    """'SIGSEGV' for 11."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f'signal {number}'


def prepare_root(root: Path, shell: bool = False) -> Path:
    """Make or update a root with mount points and the init, and if wanted a shell."""
    for name in MOUNT_POINTS:
        (root / name).mkdir(parents=True, exist_ok=True)
    init = root / 'init'
    if not init.exists() or init.stat().st_mtime_ns < INIT.stat().st_mtime_ns:
        compile_static([INIT], root / '.init')
        (root / '.init').rename(init)
    if shell and not (root / 'bin' / 'sh').is_symlink():
        _add_shell(root / 'bin')
    return root


def _add_shell(folder: Path) -> None:
    """A shell and its usual commands."""
    busybox = _tool('busybox')
    if not is_static(busybox):
        raise cli.CannotTest(f'{busybox} is not static: apt-get install busybox-static')
    shutil.copy(busybox, folder / 'busybox')
    for name in proc.output([str(busybox), '--list']).split():
        if name not in ('busybox', 'sh'):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to('busybox')
    (folder / 'sh').symlink_to('busybox')


def is_static(path: Path) -> bool:
    """Whether a file is an ELF executable for this machine that needs no interpreter."""
    with open(path, 'rb') as file:
        header = file.read(4096)
    if header[:5] != b'\x7fELF\x02' or len(header) < 64:
        return False
    kind, machine = struct.unpack_from('<HH', header, 16)
    table, = struct.unpack_from('<Q', header, 32)
    size, count = struct.unpack_from('<HH', header, 54)
    segments = [struct.unpack_from('<I', header, table + number * size)[0]
                for number in range(count) if table + number * size + 4 <= len(header)]
    return kind in (2, 3) and machine == 62 and 3 not in segments    # 62: x86-64, 3: PT_INTERP


def compile_static(sources: Sequence[Path], program: Path, flags: Sequence[str] = ()) -> None:
    """Compile C statically; CannotTest with the compiler's first error when it fails."""
    packages.need({'gcc': 'gcc', '/usr/include/stdio.h': 'libc6-dev'})
    command = ['gcc', '-std=gnu11', '-O2', '-static', '-pthread', '-o', str(program),
               *map(str, sources), *flags]
    done = subprocess.run(command, env=proc.environment(), check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        cli.say(done.stdout.rstrip())
        wrong = [line for line in done.stdout.splitlines()
                 if 'error:' in line or 'undefined reference' in line]
        what = ' '.join(paths.shown(source) for source in sources)
        raise cli.CannotTest(f'{what} does not compile: {(wrong or ["see above"])[0]}')


@contextlib.contextmanager
def running(guest: Guest) -> Iterator[Guest]:
    """A guest of which no process and no file is left behind the block."""
    try:
        yield guest
    finally:
        guest.kill()


def wait(guest: Guest) -> Ending:
    """Let one guest run to its end."""
    with running(guest):
        while guest.read() and not guest.overdue():
            select.select([guest.fileno()], [], [], _LOOK)
    return guest.ending()
