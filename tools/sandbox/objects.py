# SPDX-License-Identifier: GPL-2.0
"""Objects of a build: what they are made of, and how two builds of them differ."""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, List, Sequence, Set, Tuple

from coverage import source as text_of

from . import cli, proc
from .kbuild import Build

_HEAD = re.compile(r'^<(\S+)>:$')
_CLONE = re.compile(r'\.(?:isra|constprop|part|cold|llvm)\b.*')
_SHIFTING = re.compile(r'(\.(?:rodata|text|data|bss)[\w.]*|__func__\.\d+|\.L\w+)[+-]0x[0-9a-f]+')


def dependents(folder: Path, files: Iterable[str]) -> Dict[str, List[str]]:
    """For each source file the objects that were compiled with it, by kbuild's records."""
    wanted = {name.encode(): name for name in files}
    found: Dict[str, List[str]] = {name: [] for name in wanted.values()}
    if not wanted:
        return found
    pattern = re.compile(rb'/(' + b'|'.join(map(re.escape, wanted)) + rb')[\s)]')
    for record in sorted(folder.rglob('.*.o.cmd')):
        named = {wanted[match] for match in pattern.findall(record.read_bytes())}
        if named:
            name = str(record.relative_to(folder).parent / record.name[1:-len('.cmd')])
            for one in named:
                found[one].append(name)
    return found


def functions(path: Path) -> Dict[str, str]:
    """The functions of an object with their code, as text that does not depend on places."""
    text = proc.output(['objdump', '-dr', '--no-addresses', '--no-show-raw-insn', str(path)])
    found: Dict[str, str] = {}
    name = ''
    lines: List[str] = []
    for line in text.splitlines():
        head = _HEAD.match(line)
        if head:
            if name:
                found[name] = found.get(name, '') + '\n'.join(lines)
            name, lines = _CLONE.sub('', head.group(1)), []
        elif name and line.strip():
            lines.append(_SHIFTING.sub(r'\1', line.partition('#')[0].strip()))
    if name:
        found[name] = found.get(name, '') + '\n'.join(lines)
    return found


def differing(old: Path, new: Path) -> Set[str]:
    """The functions whose code differs between two builds of an object."""
    before = functions(old) if old.exists() else {}
    after = functions(new) if new.exists() else {}
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


@dataclass
class Size:
    """What scripts/bloat-o-meter says about two builds of some objects."""
    before: int = 0
    after: int = 0
    symbols: List[Tuple[str, int, int]] = field(default_factory=list)

    def facts(self) -> Dict[str, object]:
        """For report.json."""
        return {'before': self.before, 'after': self.after,
                'symbols': [{'name': name, 'before': old, 'after': new}
                            for name, old, new in self.symbols]}


def sizes(build: Build, pairs: Sequence[Tuple[Path, Path]]) -> Size:
    """Compare objects by the kernel's own script."""
    size = Size()
    script = build.tree.src / 'scripts' / 'bloat-o-meter'
    for old, new in pairs:
        if not old.exists() or not new.exists():
            continue
        done = subprocess.run([str(script), str(old), str(new)], env=proc.environment(), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        total = re.search(r'Total: Before=(\d+), After=(\d+)', done.stdout)
        if not total:
            last = (done.stderr.strip().splitlines() or ['no answer'])[-1]
            raise cli.CannotTest(f'scripts/bloat-o-meter: {last}')
        size.before += int(total.group(1))
        size.after += int(total.group(2))
        for name, before, after in re.findall(r'^(\S+) +(\d+|-) +(\d+|-) +[+-]\d+ *$', done.stdout,
                                              re.MULTILINE):
            size.symbols.append((name, int(before.replace('-', '0')),
                                 int(after.replace('-', '0'))))
    return size


def textual(old: str, new: str, removed: Iterable[int], added: Iterable[int]) -> Set[str]:
    """The functions in whose text lines were removed or added."""
    names: Set[str] = set()
    for text, numbers in ((old, removed), (new, added)):
        bodies = text_of.read(text).functions
        for number in numbers:
            names.update(name for name, first, last in bodies if first <= number <= last)
    return names
