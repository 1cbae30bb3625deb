# SPDX-License-Identifier: GPL-2.0
"""Where the rooms of the repository are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINUX = ROOT / 'linux'
SRC = LINUX / 'src'
SUITES = ROOT / 'kunit-suites'
CONFIGS = ROOT / 'uml-configs'
TOOLS = ROOT / 'tools'
TESTS = ROOT / 'tests'
BUILD = ROOT / 'build'
REPORTS = ROOT / 'reports'


def shown(path: Path) -> str:
    """The path as a person in the repository's root would type it."""
    try:
        return str(path.relative_to(ROOT))
    except ValueError:
        return str(path)
