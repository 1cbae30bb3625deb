# SPDX-License-Identifier: GPL-2.0
"""What a kernel log says besides test results: splats, their place, their addresses.

A splat is a report that no passing test may leave behind: a WARNING, a BUG, a
lockdep, KASAN, UBSAN, RCU or kmemleak report, a panic.  Stack traces of
injected failures and of failed allocations are not.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, List, Sequence, Tuple

from . import proc

_STAMP = re.compile(r'^(?:<\d+>)?(?:\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?)?')

# Sanitizer and lockdep reports begin with a rule, WARNINGs with this line:
# what follows names them.
_CUT = re.compile(r'^-+\[ cut here \]-+$')

_SPLATS = tuple((kind, re.compile(pattern)) for kind, pattern in (
    ('panic', r'Kernel panic - not syncing'),
    ('KASAN', r'BUG: KASAN:'),
    ('KFENCE', r'BUG: KFENCE:'),
    ('UBSAN', r'UBSAN:'),
    ('lockdep', r'WARNING: (?:possible (?:circular|recursive|irq lock inversion)|'
                r'.*(?:lock held when returning|locks? still held|bad unlock balance|'
                r'lock state|lock dependency|Nested lock)|suspicious RCU usage|'
                r'held lock freed|lock held)|\[ BUG: |BUG: .*lock held|'
                r'BUG: (?:MAX_LOCK|key |invalid lock|spinlock)|'
                r'INFO: (?:possible|trying to register non-static key|lockdep)|'
                r'possible reason: unannotated irqs|hardirqs last .*DEBUG_LOCKS'),
    ('sleeping in atomic', r'BUG: (?:sleeping function called|scheduling while atomic)'),
    ('RCU', r'(?:rcu: )?INFO: rcu|rcu: .*detected (?:expedited )?stalls'),
    ('hung task', r'INFO: task .* blocked for more than'),
    ('soft lockup', r'watchdog: BUG: |BUG: workqueue lockup'),
    ('SLUB', r'BUG \S+ \(|Slab corruption|FIX \S+: |Object padding overwritten'),
    ('page', r'BUG: Bad page|BUG: Bad rss-counter|BUG: non-zero pgtables|pagealloc: '),
    ('kmemleak', r'unreferenced object 0x'),
    ('ODEBUG', r'ODEBUG: '),
    ('BUG', r'BUG:|kernel BUG at |Oops|Internal error|general protection fault|'
            r'Unable to handle kernel|Segfault with no mm|double fault'),
    ('WARNING', r'WARNING:'),
))

# Between these lines a new splat belongs to the one before.
_SAME_REPORT = 80


@dataclass
class Splat:
    """One report: its kind, its first telling line, where it is in the lines scanned."""
    kind: str
    title: str
    first: int
    lines: List[str]


def plain(line: str) -> str:
    """A line without printk's time stamp."""
    return line[_STAMP.match(line).end():] if line[:1] in '<[' else line  # type: ignore[union-attr]


def _kind(line: str) -> str:
    for kind, pattern in _SPLATS:
        if pattern.match(line):
            return kind
    return ''


def scan(lines: Sequence[str]) -> List[Splat]:
    """The splats among lines of a log, each with the lines that belong to it."""
    found: List[Splat] = []
    for number, raw in enumerate(lines):
        line = plain(raw)
        kind = _kind(line)
        if kind and not (found and _continues(found[-1], kind, number)):
            first = number - 1 if number and _opens(plain(lines[number - 1])) else number
            found.append(Splat(kind, line.strip(), first, []))
    for splat, after in zip(found, [*[later.first for later in found[1:]], len(lines)]):
        splat.lines = _body(lines[splat.first:min(after, splat.first + _SAME_REPORT)])
    return found


def _opens(line: str) -> bool:
    return bool(_CUT.match(line)) or set(line) == {'='}


def _continues(last: Splat, kind: str, number: int) -> bool:
    """Whether a telling line is part of the report before it: a panic follows its BUG."""
    return number - last.first < _SAME_REPORT and kind == 'panic'


def _body(lines: Sequence[str]) -> List[str]:
    """The lines of one report: up to its end mark or to the next line of a test."""
    for count, line in enumerate(lines):
        text = plain(line)
        if count and (text.startswith('---[ end trace') or
                      re.match(r'\s*(?:(?:not )?ok \d+|# )', text)):
            return list(lines[:count])
    return list(lines)


# What every waiting or idle task is in; the interesting function is behind it.
_WAITS = re.compile(r'(?:__)?switch_|__schedule|(?:io_)?schedule|preempt_|um_set_signals|timer_|'
                    r'_raw_spin|rwsem_down|__?mutex_lock|new_thread_handler|kthread$|'
                    r'kunit_|__UNIQUE|unblock_signals|block_signals|ret_from')
_IDLE = re.compile(r'do_idle|default_idle|os_idle')


def waited(log: Sequence[str]) -> str:
    """Where a hung kernel was, by its own and the debugger's words: '; it ...', or ''."""
    frames = [found.group(1) for line in log
              for found in [re.match(r'#\d+ +(?:0x\w+ in )?(?:\S+ in )?(\w+) ?\(', line)] if found]
    if frames and not any(_IDLE.match(frame) for frame in frames):
        return f'; it was in {" < ".join(frames[:2])}'
    tasks = [number for number, line in enumerate(log)
             if re.match(r'task:kunit_try_catch +state:D', plain(line))]
    if not tasks:
        return ''
    names: List[str] = []
    traced = False
    for line in log[tasks[-1] + 1:]:
        if re.match(r'task:|#|\s*$', plain(line)):
            break
        found = re.match(r'\s+([A-Za-z_]\w+)', plain(line))
        if traced and found and not _WAITS.match(found.group(1)):
            names.append(found.group(1))
        traced = traced or plain(line).startswith('Call Trace')
    return f'; it waits in {" < ".join(names[:3])}' if names else ''


# UML's stack lines: an address, then what %pS makes of it, which is the same
# number without kallsyms. '?' marks what merely looks like a return address.
_STACK = re.compile(r'^(\s*)\[<([0-9a-f]{6,16})>\] (\? )?\S+$')
_ADDRESS = re.compile(r'(?<![\w+])0x([0-9a-f]{8,16})(?!\w)')


def decode(lines: Sequence[str], vmlinux: Path, source: Path, split: bool = False) -> List[str]:
    """The lines with the kernel addresses in them as function and, if known, file:line.

    split: the debug information is in .dwo files, of which addr2line makes nothing.
    """
    codes = sorted({code for line in lines for code in _codes(line)})
    places = _places(codes, vmlinux, source)
    if split and places:
        places.update(_places_by_gdb(sorted(places), vmlinux, source))
    decoded = []
    for line in lines:
        stack = _STACK.match(line)
        if stack and _codes(line)[0] in places:
            line = f'{stack.group(1)}{stack.group(3) or ""}{places[_codes(line)[0]]}'
        else:
            line = _ADDRESS.sub(
                lambda found: places.get(int(found.group(1), 16), found.group(0)), line)
        decoded.append(line)
    return decoded


def _codes(line: str) -> List[int]:
    """The addresses of code in a line: of the call, where a stack has the address after it."""
    stack = _STACK.match(line)
    if stack:
        return [int(stack.group(2), 16) - (0 if stack.group(3) else 1)]
    return [int(found, 16) for found in _ADDRESS.findall(line)]


def _places(addresses: Sequence[int], vmlinux: Path, source: Path) -> Dict[int, str]:
    """What addr2line and the symbol table know of addresses."""
    if not addresses:
        return {}
    try:
        told = subprocess.run(
            ['addr2line', '-f', '-e', str(vmlinux), *(hex(one) for one in addresses)],
            check=False, env=proc.environment(), stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120).stdout.splitlines()
    except (OSError, subprocess.TimeoutExpired):
        return {}
    places = {}
    for address, (function, where) in zip(addresses, _pairs(told)):
        if function == '??':
            continue
        where = where.split(' (')[0].replace(f'{source}/', '')
        places[address] = function if where.endswith('?') else f'{function} ({where})'
    return places


def _places_by_gdb(addresses: Sequence[int], vmlinux: Path, source: Path) -> Dict[int, str]:
    """What gdb knows of addresses of code; nothing without gdb."""
    asked = [word for one in addresses for word in ('-ex', f'info line *{one:#x}')]
    try:
        told = subprocess.run(['gdb', '-nx', '-batch', *asked, str(vmlinux)], check=False,
                              env=proc.environment(), stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=120).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    lines = re.findall(r'^(?:Line (\d+) of "([^"]+)" .*?<(\w+)[^>]*>|No line|.*outside).*$', told,
                       re.MULTILINE)
    return {address: f'{function} ({name.replace(f"{source}/", "")}:{line})'
            for address, (line, name, function) in zip(addresses, lines) if line
            } if len(lines) == len(addresses) else {}


def _pairs(lines: Iterable[str]) -> Iterable[Tuple[str, str]]:
    each = iter(lines)
    return zip(each, each)
