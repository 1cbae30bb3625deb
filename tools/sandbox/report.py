# SPDX-License-Identifier: GPL-2.0
"""Report folders: reports/VERB/RUN/, and 'latest' that leads to the newest.

A report appears whole or not at all: its folder gets the link 'latest' only
when report.json is in it.
"""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Dict

from . import paths

SCHEMA = 1
KEPT = 20


class Report:
    """One run's folder under reports/VERB/."""

    def __init__(self, verb: str) -> None:
        self.verb = verb
        stamp = time.strftime('%Y%m%d-%H%M%S')
        self.folder = paths.REPORTS / verb / f'{stamp}-{os.getpid()}'
        self.folder.mkdir(parents=True)

    @property
    def latest(self) -> Path:
        """The link that leads to the newest run's folder."""
        return self.folder.parent / 'latest'

    def write(self, name: str, text: str) -> Path:
        """Write one file of the report."""
        path = self.folder / name
        path.write_text(text, encoding='utf-8', errors='backslashreplace')
        return path

    def close(self, text: str, facts: Dict[str, object]) -> None:
        """Write report.txt and report.json and make this run the latest."""
        self.write('report.txt', text if text.endswith('\n') else text + '\n')
        self.write('report.json', json.dumps(
            {'schema': SCHEMA, 'verb': self.verb, **facts}, indent=1) + '\n')
        link = self.folder.parent / f'.latest-{os.getpid()}'
        link.symlink_to(self.folder.name)
        link.replace(self.latest)
        self._drop_old()

    def _drop_old(self) -> None:
        runs = sorted(run for run in self.folder.parent.iterdir()
                      if run.is_dir() and not run.is_symlink())
        for run in runs[:-KEPT]:
            shutil.rmtree(run, ignore_errors=True)
