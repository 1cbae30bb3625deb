# SPDX-License-Identifier: GPL-2.0
"""Configurations: what the fragments in uml-configs/ add up to.

CONFIG=lean is uml-configs/common.config + uml-configs/lean.config, and
CONFIG=debug+smp adds two fragments.  A line '# with: mm thp' in a fragment
brings others along; '# needs: TOPIC' leaves one out where the tree does not
have that topic; '# without: common' is for a kernel that runs no suites.  The
kernel arguments that belong to a fragment are in NAME.args beside it, a line
each.  kunit.py's own modules merge the fragments, so kunit.py
--kunitconfig=... comes to the same configuration.
"""

import importlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, List, Tuple

from . import cli, paths
from .tree import Tree

COMMON = 'common'
_DIRECTIVE = re.compile(r'^# (with|without|needs): (.*)$', re.MULTILINE)
# Fragments that add something to a configuration, and are none by themselves.
ADDITIONS = ('mm', 'pgtable', 'selftest', 'thp', 'upstream')


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
    return [name for name in known() if name not in ADDITIONS
            and COMMON not in _named(_path(name), 'without')]


def purpose(name: str) -> str:
    """What a fragment is for: the first sentence of its comment."""
    words: List[str] = []
    for line in _path(name).read_text(encoding='utf-8').splitlines():
        if not line.startswith('# ') or line.startswith('# CONFIG_') or _DIRECTIVE.match(line):
            break
        if 'SPDX' not in line:
            words.append(line[2:].strip())
    return ' '.join(words).split('. ')[0].rstrip('.')


def _path(name: str) -> Path:
    return paths.CONFIGS / f'{name}.config'


def _named(path: Path, directive: str) -> List[str]:
    """The words of a fragment's lines '# with: ...' or '# needs: ...'."""
    text = path.read_text(encoding='utf-8')
    return [word for found, words in _DIRECTIVE.findall(text) if found == directive
            for word in words.split()]


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
    with_others = [other for part in parts for other in (*_named(_path(part), 'with'), part)]
    without = {other for part in parts for other in _named(_path(part), 'without')}
    every = [one for one in dict.fromkeys([COMMON, *with_others]) if one not in without]
    return Config(name=name,
                  fragments=tuple(_path(part) for part in every),
                  kernel_args=tuple(arg for part in every for arg in _arguments(part)),
                  purpose='; '.join(purpose(part) for part in parts))


def in_tree(tree: Tree, config: Config) -> List[Path]:
    """The configuration's fragments, less those whose topic the tree does not have."""
    return [path for path in config.fragments if set(_named(path, 'needs')) <= set(tree.topics)]


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
            str(folder), [str(path) for path in in_tree(tree, config)]))
    except (kernel.ConfigError, fragments.KconfigParseError) as cause:
        raise cli.CannotTest(f'CONFIG={config.name}: {" ".join(str(cause).split())}') from cause
    return wanted
