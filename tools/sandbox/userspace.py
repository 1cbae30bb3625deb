# SPDX-License-Identifier: GPL-2.0
"""Upstream's mm selftests as static programs in a root folder for a guest.

tools/testing/selftests cannot be built elsewhere than in its folder: its
Makefile writes what it finds out beside the sources.  So build/selftests/tree
is a tree of links to the kernel's, with copies of the one folder and of
lib.mk, which looks for its neighbours where it really is.  The programs are
for the host's architecture: that is what UML runs.
"""

import filecmp
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

from . import cli, guest, packages, paths, proc
from .tree import Tree

WHERE = Path('tools/testing/selftests')
COPIED = ('lib.mk', 'mm')
PROGRAMS = 'tests'      # their folder in the guest
NEEDED = {**packages.KERNEL, **guest.NEEDED, '/usr/include/numa.h': 'libnuma-dev',
          '/usr/include/sys/capability.h': 'libcap-dev', '/usr/include/liburing.h': 'liburing-dev'}
_ARCHITECTURES = {'x86_64': ('x86_64', 'x86'), 'i686': ('i386', 'x86')}
_FAILED = re.compile(r"make: \*\*\* \[.*?/([^/\s]+)\] Error")


@dataclass(frozen=True)
class UserSpace:
    """A guest's root with the programs that were built; failed: those that were not, and why."""
    root: Path
    programs: Tuple[str, ...]
    failed: Dict[str, str]


def build(tree: Tree, jobs: int) -> UserSpace:
    """Build what changed and put it in the root."""
    packages.need(NEEDED)
    home = tree.builds / 'selftests'
    with proc.locked(tree.builds / '.selftests.lock', 'builds the selftests'):
        home.mkdir(parents=True, exist_ok=True)
        headers = _headers(tree, home, jobs)
        failed = _compile(_linked(tree.src, home / 'tree'), headers, home, jobs)
        return UserSpace(*_root(home), failed)


def _machine() -> Tuple[str, str]:
    """The host's architecture as the selftests and as the kernel call it."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise cli.CannotTest(f'UML does not run on {machine}')
    return _ARCHITECTURES[machine]


def _headers(tree: Tree, home: Path, jobs: int) -> Path:
    """The kernel's headers for user space."""
    folder = home / 'headers'
    folder.mkdir(exist_ok=True)
    _make(['-C', str(tree.src), f'ARCH={_machine()[1]}', f'O={folder}', 'headers'], home, jobs)
    return folder


def _linked(src: Path, tree: Path) -> Path:
    """The folder of the selftests in a tree of links and copies."""
    below = Path()
    for part in WHERE.parts:
        _links(src / below, tree / below, part)
        below = below / part
    _links(src / WHERE, tree / WHERE, *COPIED)
    for name in COPIED:
        _copy(src / WHERE / name, tree / WHERE / name)
    return tree / WHERE / 'mm'


def _links(source: Path, target: Path, *but: str) -> None:
    """Links in a folder to everything in another."""
    target.mkdir(exist_ok=True)
    for entry in source.iterdir():
        link = target / entry.name
        if entry.name in but or entry.name.startswith('.'):
            continue
        if not link.is_symlink() or os.readlink(link) != str(entry):
            link.unlink(missing_ok=True)
            link.symlink_to(entry)


def _copy(source: Path, target: Path) -> None:
    """Copy what differs, so that make sees what changed; drop what is gone."""
    if source.is_file():
        if not target.exists() or not filecmp.cmp(source, target, shallow=False):
            shutil.copyfile(source, target)
            shutil.copymode(source, target)
        return
    target.mkdir(exist_ok=True)
    names = {entry.name for entry in source.iterdir()}
    for entry in target.iterdir():
        if entry.name not in names and not entry.name.startswith('local_config.'):
            entry.unlink()
    for name in names:
        _copy(source / name, target / name)


def _compile(folder: Path, headers: Path, home: Path, jobs: int) -> Dict[str, str]:
    """Build every program that builds; the others with the compiler's first complaint."""
    output = home / 'programs'
    output.mkdir(exist_ok=True)
    log = _make(['-k', '-C', str(folder), f'ARCH={_machine()[0]}', f'OUTPUT={output}',
                 f'KHDR_INCLUDES=-isystem {headers}/usr/include', 'EXTRA_CFLAGS=-static', 'all'],
                home, jobs, must=False)
    failed = {}
    complaint = ''
    for line in log:
        if 'error:' in line or 'undefined reference' in line or 'cannot find' in line:
            complaint = complaint or line.strip()
        found = _FAILED.match(line)
        if found:
            failed[found.group(1)] = complaint or 'see make.log'
            complaint = ''
            (output / found.group(1)).unlink(missing_ok=True)
    for name, why in failed.items():
        cli.say(f'{name} does not build: {why}')
    if not any(output.iterdir()):
        raise cli.CannotTest(f'no selftest builds; see {paths.shown(home / "make.log")}')
    return failed


def _make(arguments: List[str], home: Path, jobs: int, must: bool = True) -> List[str]:
    """Run make; its output, which is in make.log too."""
    done = subprocess.run(['make', f'-j{jobs}', *arguments], env=proc.environment(), check=False,
                          text=True, errors='backslashreplace', stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    log = home / 'make.log'
    log.write_text(done.stdout, encoding='utf-8')
    if must and done.returncode:
        raise cli.CannotTest(f'make {arguments[-1]} fails; see {paths.shown(log)}')
    return done.stdout.splitlines()


def _root(home: Path) -> Tuple[Path, Tuple[str, ...]]:
    """Assemble the root: the init, busybox, the programs."""
    root = guest.prepare_root(home / 'root', shell=True)
    folder = root / PROGRAMS
    folder.mkdir(exist_ok=True)
    built = {path.name for path in (home / 'programs').iterdir() if path.is_file()}
    for old in folder.iterdir():
        if old.name not in built:
            old.unlink()
    for name in built:
        fresh = folder / f'.{name}'
        fresh.unlink(missing_ok=True)
        os.link(home / 'programs' / name, fresh)
        fresh.rename(folder / name)
        fresh.unlink(missing_ok=True)   # rename() does nothing to two links of one file
    return root, tuple(sorted(built))
