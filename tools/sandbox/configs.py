# SPDX-License-Identifier: GPL-2.0
"""Configurations: what the fragments in uml-configs/ add up to.

CONFIG=fast is uml-configs/common.config + uml-configs/fast.config, and
CONFIG=debug+smp adds two fragments.  The kernel arguments that belong to a
fragment are in NAME.args beside it, a line each.  kunit.py's own modules merge
the fragments, so kunit.py --kunitconfig=... comes to the same configuration.
"""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, List, Tuple

from . import cli, paths
from .tree import Tree

COMMON = 'common'
# Fragments that add something to a configuration, and are none by themselves.
ADDITIONS = ('selftest', 'upstream')


@dataclass(frozen=True)
class Config:
    """A configuration: its name, its fragments, its kernel arguments, what it is for."""
    name: str
    fragments: Tuple[Path, ...]
    kernel_args: Tuple[str, ...]
    purpose: str


def known() -> List[str]:
    """The names that CONFIG= takes; 'common' is part of each."""
    return sorted(path.stem for path in paths.CONFIGS.glob('*.config') if path.stem != COMMON)


def tested() -> List[str]:
    """The configurations that our suites must pass in."""
    return [name for name in known() if name not in ADDITIONS]


def purpose(name: str) -> str:
    """What a fragment is for: the first sentence of its comment."""
    words: List[str] = []
    for line in (paths.CONFIGS / f'{name}.config').read_text(encoding='utf-8').splitlines():
        if not line.startswith('# ') or line.startswith('# CONFIG_'):
            break
        if 'SPDX' not in line:
            words.append(line[2:].strip())
    return ' '.join(words).split('. ')[0].rstrip('.')


def _arguments(name: str) -> List[str]:
    path = paths.CONFIGS / f'{name}.args'
    if not path.exists():
        return []
    lines = (line.strip() for line in path.read_text(encoding='utf-8').splitlines())
    return [line for line in lines if line and not line.startswith('#')]


def load(name: str) -> Config:
    """The configuration of a name like 'fast' or 'debug+smp'."""
    parts = name.split('+')
    unknown = [part for part in parts if part not in known()]
    if unknown or len(set(parts)) < len(parts):
        raise cli.CannotTest(f"CONFIG={name}: there is no '{unknown[0] if unknown else name}' in "
                             f'uml-configs/; there are {", ".join(known())}')
    parts.insert(0, COMMON)
    return Config(name=name,
                  fragments=tuple(paths.CONFIGS / f'{part}.config' for part in parts),
                  kernel_args=tuple(arg for part in parts for arg in _arguments(part)),
                  purpose='; '.join(purpose(part) for part in parts[1:]))


def kunit_module(tree: Tree, name: str) -> ModuleType:
    """A module of the tree's own kunit.py."""
    folder = str(tree.src / 'tools' / 'testing' / 'kunit')
    if folder not in sys.path:
        sys.path.insert(0, folder)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return importlib.import_module(name)
    except ImportError as cause:
        raise cli.CannotTest(f'{folder} has no {name}.py: is {tree.src} a kernel tree?') from cause
    finally:
        sys.dont_write_bytecode = written


def merged(tree: Tree, config: Config, folder: Path) -> Any:
    """The kunit_config.Kconfig that kunit.py would make of the fragments."""
    kernel = kunit_module(tree, 'kunit_kernel')
    fragments = kunit_module(tree, 'kunit_config')
    wanted = fragments.parse_file(str(tree.src / kernel.UML_KCONFIG_PATH))
    try:
        wanted.merge_in_entries(kernel.get_parsed_kunitconfig(
            str(folder), [str(path) for path in config.fragments]))
    except (kernel.ConfigError, fragments.KconfigParseError) as cause:
        raise cli.CannotTest(f'CONFIG={config.name}: {" ".join(str(cause).split())}') from cause
    return wanted
