# SPDX-License-Identifier: GPL-2.0
"""Why a C file is not part of a kernel: the architecture, or an option in a Makefile."""

import re
from pathlib import Path
from typing import Dict, List, Optional, Tuple

_RULE = re.compile(r'^([\w-]+?)-(y|m|objs|\$\(\w+\))\s*[:+]?=\s*(.*)$')
# What ARCH=um builds of arch/ (arch/x86 in parts).
_OWN_ARCHITECTURES = ('um', 'x86')


def why(src: Path, name: str, options: Dict[str, str]) -> str:
    """Why a file is not compiled, '' when nothing says so.

    name: below the tree.  options: the configuration, {'NUMA': 'y'}.
    """
    path = Path(name)
    if path.parts[0] == 'arch' and path.parts[1] not in _OWN_ARCHITECTURES:
        return f'architecture {path.parts[1]}'
    if path.parts[0] in ('tools', 'samples', 'scripts', 'usr'):
        return f'{path.parts[0]}/ is not part of the kernel'
    if path.parts[0] == 'include':
        return ''       # its Kbuild is about checking headers by themselves
    wanted = f'{path.stem}.o'
    folder = path.parent
    while True:
        reason = _missing(src / folder, wanted, options)
        if reason or folder == Path('.'):
            return reason
        wanted, folder = f'{folder.name}/', folder.parent


def _missing(folder: Path, wanted: str, options: Dict[str, str]) -> str:
    """The options that keep an object, or a folder, out of its Makefile's lists."""
    rules = _rules(folder)
    for _ in range(3):          # an object may be part of another
        found = [(target, condition) for target, condition, parts in rules if wanted in parts]
        if not found:
            return ''
        off = [condition for _, condition in found if not _holds(condition, options)]
        if len(off) == len(found):
            return 'needs ' + ' or '.join(dict.fromkeys(filter(None, off)))
        target = next(target for target, condition in found if _holds(condition, options))
        if target in ('obj', 'lib'):
            return ''
        wanted = f'{target}.o'
    return ''


def _holds(condition: Optional[str], options: Dict[str, str]) -> bool:
    return condition is None or options.get(condition[len('CONFIG_'):], 'n') in ('y', 'm')


def _rules(folder: Path) -> List[Tuple[str, Optional[str], List[str]]]:
    """'obj-$(CONFIG_X) += a.o b/' as (obj, CONFIG_X, [a.o, b/])."""
    for makefile in (folder / 'Kbuild', folder / 'Makefile'):
        try:
            text = makefile.read_text(encoding='utf-8', errors='replace')
        except OSError:
            continue
        found = []
        for line in text.replace('\\\n', ' ').splitlines():
            rule = _RULE.match(line)
            if rule:
                condition = re.match(r'\$\((CONFIG_\w+)\)', rule.group(2))
                found.append((rule.group(1), condition.group(1) if condition else None,
                              rule.group(3).partition('#')[0].split()))
        return found
    return []
