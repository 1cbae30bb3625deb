# SPDX-License-Identifier: GPL-2.0
"""Debian packages that the tools and the kernel build need."""

import os
import shutil
import subprocess
from typing import List, Mapping

from . import cli, proc

# What fetching the kernel and keeping the series need.
PROVISION = {'git': 'git', 'xz': 'xz-utils', 'tar': 'tar', 'dpkg-deb': 'dpkg'}

# What building a UML kernel needs.
KERNEL = {'gcc': 'gcc', 'make': 'make', 'ld': 'binutils', 'flex': 'flex', 'bison': 'bison',
          'bc': 'bc', '/usr/include/stdio.h': 'libc6-dev'}


def missing(needed: Mapping[str, str]) -> List[str]:
    """The packages of those programs (or files, as absolute paths) that are not there."""
    return sorted({package for thing, package in needed.items() if not _there(thing)})


def _there(thing: str) -> bool:
    return os.path.exists(thing) if thing.startswith('/') else shutil.which(thing) is not None


def need(needed: Mapping[str, str]) -> None:
    """Have these programs and files: install their packages as root, else say how."""
    lacking = missing(needed)
    if not lacking:
        return
    command = ['apt-get', 'install', '-y', '--no-install-recommends', *lacking]
    if os.geteuid() == 0 and shutil.which('apt-get'):
        cli.say(f'installing {" ".join(lacking)} (missing Debian packages)')
        if _quietly(command) or (_quietly(['apt-get', 'update']) and _quietly(command)):
            lacking = missing(needed)
    if lacking:
        raise cli.CannotTest(f'missing on this machine: {", ".join(lacking)}; '
                             f'as root: apt-get install {" ".join(lacking)}')


def _quietly(command: List[str]) -> bool:
    """Run apt-get without questions; whether it worked."""
    return subprocess.run(command, env=proc.environment({'DEBIAN_FRONTEND': 'noninteractive'}),
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0
