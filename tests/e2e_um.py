#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Programs in the user space of UML: a reproducer for each bug, an interface as callers see it.

Only a program sees what the host has mapped, so what arch/um does is tested
here and not by KUnit.  Each program in tools/guest/tests/ is one test per
machine that can run it: one CPU in ptrace mode and in seccomp mode, and more
of them, which takes the configuration guest+smp.

SANDBOX_UM_KERNEL=FILE tests another kernel, say one with a fix undone: its
folder's name then says what it can, 'smp' in it for more than one CPU and
'debug' for lockdep.
"""

import functools
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tools'))

from sandbox import configs, kbuild, kernel_log, provision  # noqa: E402

PROGRAMS = ROOT / 'tools' / 'guest' / 'tests'
# Below 512 MiB the kernel switches transparent huge pages off.
MEMORY = '768M'


class Machine(NamedTuple):
    """A way to boot: the configuration and what tools/guest/boot is told."""
    config: str
    options: Tuple[str, ...] = ()


ONE = (Machine('guest'), Machine('guest', ('--arg=seccomp=on',)), Machine('guest+smp'))
# Three: shootdown.c keeps one free of all but the thread that it tests.
MORE = (Machine('guest+smp', ('--cpus=3',)),)
# Where it takes lockdep to see the bug.
CHECKED = (Machine('debug+smp+guest', ('--cpus=3',)),)

MACHINES: Dict[str, Tuple[Machine, ...]] = {
    'collapse_light': ONE,
    'flush_locks': CHECKED,
    'futex_atomic': MORE,
    'huge_change': ONE + MORE,
    'huge_collapse': ONE + MORE,
    'huge_split': ONE + MORE,
    'huge_uaccess': ONE + MORE,
    'huge_watch': ONE + MORE,
    'hwpoison_fault': ONE,
    'ksm_uffd': ONE,
    'race_unmap': MORE,
    'race_writes': MORE,
    'set_ptes': ONE,
    'shootdown': MORE,
    'stale_mapping': ONE + MORE,
    'table_move': ONE + MORE,
    'uaccess_dirty': ONE,
    'uaccess_prot_none': ONE,
}


@functools.lru_cache(maxsize=None)
def kernel(config: str) -> Path:
    """The kernel of a configuration, built if need be."""
    chosen = os.environ.get('SANDBOX_UM_KERNEL')
    if not chosen:
        return kbuild.build(provision.tree(), configs.load(config)).linux
    folder = Path(chosen).resolve().parent.name
    if any((word in folder) != (word in config) for word in ('smp', 'debug')):
        raise unittest.SkipTest(f'{chosen} is no {config}')
    return Path(chosen)


def compiled(name: str, folder: Path) -> Path:
    """A program as a static executable."""
    program = folder / name
    subprocess.run(['gcc', '-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-static',
                    '-pthread', '-o', str(program), str(PROGRAMS / f'{name}.c')], check=True)
    return program


def boot(linux: Path, machine: Machine, program: Path) -> Tuple[int, List[str]]:
    """Run the program in a guest; its exit status, and what it and the kernel said."""
    done = subprocess.run(
        [str(ROOT / 'tools' / 'guest' / 'boot'), f'--kernel={linux}', f'--mem={MEMORY}',
         '--swap=64M', '--timeout=120', '--arg=kunit.enable=0', *machine.options, str(program)],
        check=False, text=True, errors='replace', stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.splitlines()


class Reproducers(unittest.TestCase):
    """Each program ends with status 0, and the kernel has nothing to complain about."""

    def test_all_programs_are_in_the_table(self) -> None:
        self.assertEqual(sorted(path.stem for path in PROGRAMS.glob('*.c')), sorted(MACHINES))

    def passes(self, name: str, machine: Machine) -> None:
        """Compile and boot a program."""
        with tempfile.TemporaryDirectory(prefix='e2e-um-') as folder:
            program = compiled(name, Path(folder))
            status, said = boot(kernel(machine.config), machine, program)
        shown = '\n'.join(said[-25:])
        self.assertEqual(status, 0, f'{name} in {machine}:\n{shown}')
        self.assertEqual([splat.title for splat in kernel_log.scan(said)], [], shown)


def add_tests() -> None:
    """A method per program and machine, so that a failure has a name."""
    for name, machines in MACHINES.items():
        for machine in machines:
            def test(self: Reproducers, name: str = name, machine: Machine = machine) -> None:
                self.passes(name, machine)
            words = [name, *machine.config.split('+'), *machine.options]
            title = '_'.join(word.strip('-').replace('=', '_') for word in words)
            setattr(Reproducers, f'test_{title}', test)


add_tests()


if __name__ == '__main__':
    unittest.main()
