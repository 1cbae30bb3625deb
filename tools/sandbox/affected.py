# SPDX-License-Identifier: GPL-2.0
"""Which tests a change of the kernel concerns: those that run the functions it touches.

build/affected.json holds, for each function of the measured files, the tests
that ran it, and the commit that was measured.  It may be old: everything that
changed since that commit is taken for the change.  Where it cannot tell, all
tests are concerned.
"""

import json
import re
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Set, Tuple

from coverage import CoverageError, counters, diff
from coverage import source as text_of
from coverage.diff import FileDiff

from . import cli, configs, git, kbuild, measure, paths
from .measure import MeasuredRun
from .testrun import Options
from .tree import Tree
from .verdict import Name

MAP = 'affected.json'
_FORMAT = 1
Functions = Dict[str, Dict[str, List[str]]]     # by file and function: 'suite.case'
_WITHOUT_CODE = ('.rst', '.txt', '.md', '.yaml')


class _All(Exception):
    """All tests are concerned; says why."""


def record(tree: Tree, jobs: int, logs: Path) -> None:
    """Run our suites once in an instrumented kernel, and remember what each ran."""
    if measure.BY_TEST not in tree.topics:
        raise cli.CannotTest(f'AFFECTED needs the topic {measure.BY_TEST}')
    wanted = measure.files(tree, '')
    cli.say('measuring which tests run which functions; this is done once')
    build = kbuild.build(tree, configs.load('coverage'), measure.make_arguments(wanted), jobs)
    names = measure.objects(measure.compiled(build, wanted))
    run = MeasuredRun(build, Options(jobs), logs, by_test=True)
    results = run.run(run.select([]))
    try:
        functions = {f'{name[:-2]}.c': _functions(build.folder, logs, name) for name in names}
    except CoverageError as cause:
        raise cli.CannotTest(str(cause)) from cause
    facts = {'format': _FORMAT, 'commit': git.Git(tree.src).head().commit, 'files': functions,
             'cases': sorted(f'{case.suite}.{case.name}' for case in results.cases)}
    (tree.builds / MAP).write_text(json.dumps(facts, indent=1) + '\n', encoding='utf-8')


def _functions(build: Path, logs: Path, name: str) -> Dict[str, List[str]]:
    """By function of an object the tests that ran it."""
    names = {graph.number: graph.name for graph in counters.notes(build / f'{name[:-2]}.gcno')}
    found: Dict[str, List[str]] = {one: [] for one in names.values()}
    for data in sorted(logs.glob(f'data/boot-*/by-test/*/{name[:-2]}.gcda')):
        test = data.relative_to(logs).parts[3]
        for number in counters.data(data):
            if number in names:
                found[names[number]].append(test)
    return found


def choose(tree: Tree, inventory: Sequence[Name], ours: Set[str]
           ) -> Tuple[List[Name], str]:
    """The tests of our suites that what changed concerns, and why these."""
    mine = [name for name in inventory if name[0] in ours]
    try:
        known = json.loads((tree.builds / MAP).read_text(encoding='utf-8'))
        if known['format'] != _FORMAT:
            raise ValueError
    except (OSError, ValueError, KeyError):
        return mine, 'nothing is known about them: all run'
    try:
        wanted, edited = _concerned(tree, known), _edited_suites(tree)
    except _All as cause:
        return mine, str(cause)
    new = {f'{suite}.{case}' for suite, case in mine} - set(known['cases'])
    chosen = [name for name in mine
              if '.'.join(name) in wanted | new or name[0] in edited]
    return chosen, f'{len(chosen)} of {len(mine)} cases reach what changed'


def _concerned(tree: Tree, known: Dict[str, object]) -> Set[str]:
    """The tests, by what differs from the measured commit."""
    repository = git.Git(tree.src)
    commit = str(known['commit'])
    if not repository.commit(commit):
        raise _All('the measured commit is gone: all run')
    files = known['files']
    assert isinstance(files, dict)
    tests: Set[str] = set()
    for file in diff.parse(repository('diff', '--unified=0', commit) + '\n'):
        if file.path.endswith(_WITHOUT_CODE):
            continue
        if file.old_path not in files:
            raise _All(f'{file.path} is not among the measured files: all run')
        tests |= _tests_of(repository, tree, commit, file, files[file.old_path])
    return tests


def _tests_of(repository: git.Git, tree: Tree, commit: str, file: FileDiff,
              functions: Dict[str, List[str]]) -> Set[str]:
    """The tests that run the functions of a file in which lines differ."""
    old = git.decode(repository.blob(f'{commit}:{file.old_path}') or b'')
    new = '' if file.deleted else (tree.src / file.path).read_text(encoding='utf-8',
                                                                   errors='replace')
    tests: Set[str] = set()
    for text, numbers in ((old, file.removed), (new, file.added)):
        source = text_of.read(text)
        for number in numbers:
            if source.row(number).kind in (text_of.BLANK, text_of.COMMENT):
                continue
            name = _function_at(source, number)
            if name is None:        # a macro, a structure: everything in the file
                return {test for many in functions.values() for test in many}
            tests.update(functions.get(name, ()))
    return tests


def _function_at(source: text_of.Source, number: int) -> Optional[str]:
    return next((name for name, first, last in source.functions if first <= number <= last), None)


def _edited_suites(tree: Tree) -> Set[str]:
    """Suites whose source is newer than the map; all when the fixture is."""
    stamp = (tree.builds / MAP).stat().st_mtime_ns
    found: Set[str] = set()
    for file in paths.SUITES.rglob('*.[ch]'):
        if file.stat().st_mtime_ns > stamp:
            text = file.read_text(encoding='utf-8', errors='replace')
            named = re.findall(r'\.name\s*=\s*"([^"]+)"', text)
            if not named:
                raise _All(f'{paths.shown(file)} changed: all run')
            found.update(named)
    return found
