# SPDX-License-Identifier: GPL-2.0
"""A kernel tree as the verbs see it."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Tuple

from .git import Git


@dataclass(frozen=True)
class Tree:
    """A provisioned kernel tree: base plus our series, with the suites' link in it.

    src: root of the tree.  builds: folder that holds its build folders, one
    per configuration.  version: the kernel's own ('7.3.4').  package: the
    Debian package's version, or '' for the user's own tree.  base: commit the
    series stands on.  topics: the topics that are applied.  applied: a hash
    over the applied patches, with '+' behind it when the tree holds commits
    that linux/patches does not.
    """
    src: Path
    builds: Path
    version: str
    package: str
    base: str
    topics: Tuple[str, ...]
    patches: int
    applied: str

    @functools.cached_property
    def series(self) -> str:
        """What `applied` says, with '+' behind it for uncommitted changes, too.

        Looking at every file for that takes a tenth of a second: for reports.
        """
        if self.applied.endswith('+') or not (self.src / '.git').exists():
            return self.applied
        return self.applied + ('+' if Git(self.src).edited() else '')

    def heading(self) -> str:
        """'linux 7.3.4 + 17 patches', the start of every report's first line."""
        return f'linux {self.version} + {self.patches} patches'

    def facts(self) -> Dict[str, object]:
        """What report.json says about the tree."""
        return {'version': self.version, 'package': self.package, 'base': self.base,
                'topics': list(self.topics), 'patches': self.patches}
