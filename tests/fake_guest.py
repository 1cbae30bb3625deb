#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Stands in for a UML kernel that runs a program: what happens is the program's name.

The program prints what is in the file of its name beside the guest's root.
"""

import os
import re
import signal
import sys
import time
from pathlib import Path

words = sys.argv[1:]
program = words[words.index('--') + 1:]
options = dict(word.split('=', 1) for word in words[:words.index('--')] if '=' in word)
log = int(options['con1'].rpartition(':')[2])
behaviour = re.sub('.*/', '', program[0])


def kernel(text: str) -> None:
    """Print to the kernel's log."""
    os.write(log, f'[    0.120000] {text}\n'.encode())


def say(text: str) -> None:
    """Print to the program's console, where lines end as on a terminal."""
    sys.stdout.write(text.replace('\n', '\r\n'))
    sys.stdout.flush()


say('Checking that ptrace can change system call numbers...OK\n')
kernel('Run /init as init process')
if behaviour == 'unmountable':
    say('\nguest: failed mount /mnt: No such device\n')
    sys.exit(0)
say('guest: started\n')
text = Path(options['rootflags']).parent / behaviour
if text.exists():
    say(text.read_text(encoding='utf-8'))
if behaviour == 'panics':
    kernel('Kernel panic - not syncing: on purpose')
    os.kill(os.getpid(), signal.SIGABRT)
if behaviour == 'hangs':
    time.sleep(600)
if behaviour == 'leaves':           # a process of the guest that outlives its kernel
    if os.fork() == 0:
        time.sleep(600)
while behaviour == 'floods':
    say('x' * 1000 + '\n')
while behaviour == 'kernel_floods':
    kernel('x' * 1000)
if behaviour == 'warns':
    kernel('------------[ cut here ]------------')
    kernel('WARNING: mm/vma.c:812 at vma_merge+0x1/0x2')
    kernel('---[ end trace 0000000000000000 ]---')
if behaviour == 'echoes':
    say(' '.join(program) + '\n')
if behaviour == 'segfaults':
    say('\nguest: killed 11\n')
else:
    status = re.search(r'_(\d+)$', behaviour)
    say(f'\nguest: exited {status.group(1) if status else 0}\n')
kernel('reboot: Power down')
