#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tools/exec, tools/selftests and tools/guest/boot with a real kernel and user space."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import Dict, List, Tuple

ROOT = Path(__file__).resolve().parent.parent
KERNEL = ROOT / 'build' / 'guest' / 'linux'

HELLO = '''
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    printf("hello %s from %d\\n", argc > 2 ? argv[2] : "nobody", getuid());
    return argc > 1 ? atoi(argv[1]) : 0;
}
'''
CRASH = 'int main(void) { *(volatile int *)8 = 1; }\n'
SLEEP = '#!/bin/sh\nsleep 99\n'
PANIC = '''#!/bin/sh
echo 2 > /proc/sys/vm/panic_on_oom
echo about to eat all memory
tail /dev/zero
'''


def tool(name: str, *options: str, limit: float = 1800) -> Tuple[int, str, str]:
    """Run tools/NAME; its status and what it printed."""
    done = subprocess.run([str(ROOT / 'tools' / name), *options], check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=limit)
    return done.returncode, done.stdout, done.stderr


def kernels() -> List[int]:
    """The processes of our guests, stubs included."""
    found = []
    for entry in Path('/proc').iterdir():
        try:
            line = (entry / 'cmdline').read_bytes() if entry.name.isdigit() else b''
        except OSError:
            continue
        if b'GUEST_CONSOLE' in line:
            found.append(int(entry.name))
    return found


class Guests(unittest.TestCase):
    """A folder for programs; no guest may stay."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix='e2e-guest-')
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.shared = set(Path('/dev/shm').iterdir())
        self.others = kernels()

    def nothing_left(self) -> None:
        """No process and no file."""
        self.assertEqual(sorted(set(kernels()) - set(self.others)), [])
        self.assertEqual(list((ROOT / 'build' / 'guest' / '.run').glob('*/exec')), [])

    def file(self, name: str, text: str) -> str:
        """A program."""
        path = self.folder / name
        path.write_text(text, encoding='utf-8')
        return str(path)

    def report(self, verb: str) -> Dict[str, object]:
        """The latest report of a verb."""
        path = ROOT / 'reports' / verb / 'latest' / 'report.json'
        found: Dict[str, object] = json.loads(path.read_text(encoding='utf-8'))
        return found


class Exec(Guests):
    """Reproducers."""

    def test_a_program_in_c(self) -> None:
        status, out, err = tool('exec', f'--prog={self.file("hello.c", HELLO)}', '--args=0 you')
        self.assertEqual(status, 0, err)
        self.assertEqual(out.strip(), 'hello you from 0')
        self.assertIn('exit status 0', err)
        self.assertEqual(self.report('exec')['splats'], [])
        self.nothing_left()

    def test_a_status_and_a_signal_fail(self) -> None:
        status, _, err = tool('exec', f'--prog={self.file("hello.c", HELLO)}', '--args=3')
        self.assertEqual((status, 'exit status 3' in err), (1, True), err)
        status, _, err = tool('exec', f'--prog={self.file("crash.c", CRASH)}')
        self.assertEqual((status, 'killed by SIGSEGV' in err), (1, True), err)
        self.assertIn('crash[', err)        # what the kernel's log says
        self.nothing_left()

    def test_a_panic_is_named(self) -> None:
        status, out, err = tool('exec', f'--prog={self.file("panic.sh", PANIC)}', '--mem=128M')
        self.assertEqual(status, 1, err)
        self.assertIn('about to eat all memory', out)
        self.assertIn('Kernel panic', err)
        self.assertEqual(self.report('exec')['ended'], 'died')
        self.nothing_left()

    def test_a_time_limit(self) -> None:
        status, _, err = tool('exec', f'--prog={self.file("sleeps.sh", SLEEP)}', '--timeout=3')
        self.assertEqual(status, 1)
        self.assertIn('hung: not over after 3 s', err)
        self.nothing_left()

    def test_an_interrupt_leaves_nothing(self) -> None:
        verb = subprocess.Popen(
            [str(ROOT / 'tools' / 'exec'), f'--prog={self.file("sleeps.sh", SLEEP)}'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(1200):
            if set(kernels()) - set(self.others):
                break
            time.sleep(0.1)
        time.sleep(0.5)
        verb.send_signal(signal.SIGINT)
        self.assertEqual(verb.wait(30), 130)
        self.nothing_left()


class Boot(Guests):
    """The command line for one program."""

    def test_statuses(self) -> None:
        source = self.file('hello.c', HELLO)
        subprocess.run(['gcc', '-static', '-o', source[:-2], source], check=True)
        self.assertEqual(tool('exec', f'--prog={source}')[0], 0)     # builds the kernel
        boot = ['guest/boot', f'--kernel={KERNEL}', '--swap=8M', '--ext4=16M']
        status, out, _ = tool(*boot, source[:-2], '7', 'friend')
        self.assertEqual((status, 'hello friend' in out), (7, True))
        script = self.file('sleep', '#!/nowhere\n')
        os.chmod(script, 0o755)
        self.assertEqual(tool(*boot, script)[0], 127)
        self.assertEqual(tool(*boot, '--arg=init=/nowhere', source[:-2])[0], 125)
        self.nothing_left()


class Selftests(Guests):
    """One quick program of upstream's."""

    def test_one_program(self) -> None:
        status, out, err = tool('selftests', '--test=mlock2-tests')
        self.assertEqual(status, 0, out + err)
        self.assertIn('15 passed, 0 failed, 0 skipped', out)
        programs = self.report('selftests')['programs']
        assert isinstance(programs, list)
        self.assertEqual([(one['name'], one['passed'], one['ended']) for one in programs],
                         [('mlock2-tests', 15, 'exit status 0')])
        self.nothing_left()


if __name__ == '__main__':
    unittest.main()
