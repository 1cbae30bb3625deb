# SPDX-License-Identifier: GPL-2.0
"""The coverage of a change: one instrumented kernel, one boot, the lines that patches wrote.

Besides the files of kunit-suites/coverage-files those are instrumented that
the change touches; but gcov's data is read only of the objects that hold
changed lines.  What each test executed lies apart (topic gcov-by-test).
"""

import functools
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Set, Tuple

from coverage import Coverage, CoverageError, change, counters, gcov, preprocessed
from coverage import source as text_of
from coverage.change import Knowledge, Verdict

from . import absent, cli, configs, git, kbuild, measure, objects, proc, testrun
from .kbuild import Build
from .measure import MeasuredRun
from .reviewed import Change, written_by
from .testrun import Options, Results
from .tree import Tree

Lines = Dict[Tuple[str, int], Verdict]
Owner = Dict[Tuple[str, int], Tuple[int, int]]
# A header is measured in the objects that hold code of it; more tell no more.
_MOST_OBJECTS = 40
_MOST_USERS = 12


@dataclass
class Measured:
    """One configuration's build and run."""
    build: Build
    results: Results
    coverage: Coverage
    optimisation: str
    lost: List[str] = field(default_factory=list)


@dataclass
class Answer:
    """What was found out about a change.

    owner: the patch that wrote a line, of the lines in `verdicts`, and the
    line's number when it was written.  of: in how many objects a header was
    measured, and how many include it.
    """
    verdicts: Lines = field(default_factory=dict)
    owner: Owner = field(default_factory=dict)
    measured: List[Measured] = field(default_factory=list)
    of: Dict[str, Tuple[int, int]] = field(default_factory=dict)
    stale: List[str] = field(default_factory=list)

    def of_patch(self, number: int) -> Lines:
        """The lines that one patch wrote."""
        return {place: verdict for place, verdict in self.verdicts.items()
                if self.owner[place][0] == number}


def changed_lines(change_: Change) -> Owner:
    """The lines at the tested commit that patches wrote, each with its patch."""
    repository = git.Git(change_.tree.src)
    touched = dict.fromkeys(name for step in change_.steps for name in step.touched
                            if not all(file.binary for file in step.files if file.path == name))
    return {(path, number): writer for path in touched
            for number, writer in enumerate(written_by(repository, change_, path), 1)
            if writer is not None}


def measure_change(change_: Change, chosen: Sequence[configs.Config], options: Options,
                   folder: Path) -> Answer:
    """Build, run and read in each configuration, and join what they know."""
    tree = change_.go(change_.tested)
    answer = Answer(owner=changed_lines(change_))
    for config in chosen:
        one = _Configuration(tree, config, answer.owner)
        measured = one.run(options, folder / config.name)
        answer.measured.append(measured)
        answer.of.update(one.of)
        verdicts = one.verdicts(measured)
        # What excuses something in one of them is not stale.
        answer.stale = one.stale if config is chosen[0] else [
            row for row in answer.stale if row in one.stale]
        for place, verdict in verdicts.items():
            known = answer.verdicts.get(place)
            answer.verdicts[place] = change.join(known, verdict) if known else verdict
    return answer


class _Configuration:
    """One configuration of one change."""

    def __init__(self, tree: Tree, config: configs.Config, owner: Owner) -> None:
        self.tree = tree
        self.config = config
        self.owner = owner
        self.files = sorted({path for path, _ in owner})
        self.of: Dict[str, Tuple[int, int]] = {}
        self.stale: List[str] = []
        self._objects: List[str] = []
        self._counts: Dict[str, Dict[Path, counters.Counts]] = {}
        self._seen: Dict[str, Optional[Set[int]]] = {}

    def run(self, options: Options, folder: Path) -> Measured:
        """Build what is needed, and run our suites."""
        default = measure.files(self.tree, '')
        own = [name for name in self.files if name.endswith('.c')]
        wanted: Tuple[str, ...] = ()
        while True:     # once, but where no build before has told who uses the headers
            more = tuple(dict.fromkeys([*default, *own, *wanted, *self._users(default)]))
            if more == wanted:
                break
            wanted = more
            build = kbuild.build(self.tree, self.config, measure.make_arguments(wanted),
                                 options.jobs)
        compiled = set(measure.objects(measure.compiled(build, wanted)))
        compiled = {name for name in compiled if (build.folder / f'{name[:-2]}.gcno').exists()}
        self._objects = self._needed(build, compiled)
        folder.mkdir(parents=True)
        run = MeasuredRun(build, options, folder, by_test=True)
        results = run.run(testrun.spread(run.select([]), run.inventory, options.jobs))
        coverage, lost = self._read(build, run, results)
        how = measure.optimisation(build, sorted(compiled)[0]) if compiled else ''
        return Measured(build, results, coverage, how, lost)

    def _users(self, default: Sequence[str]) -> List[str]:
        """Some C files that name the functions changed in headers, mm's first.

        By the records of the build before: a header that nobody included then
        has none.
        """
        headers = [path for path in self.files if path.endswith('.h')]
        names = {name for path in headers for name in self._changed_functions(path)}
        if not names:
            return []
        word = re.compile(rf'\b(?:{"|".join(map(re.escape, sorted(names)))})\b')
        uses = objects.dependents(self.tree.builds / self.config.name, headers)
        files = sorted({f'{name[:-2]}.c' for many in uses.values() for name in many},
                       key=lambda name: (not name.startswith('mm/'), name))
        found = [name for name in files if (self.tree.src / name).is_file() and word.search(
            (self.tree.src / name).read_text(encoding='utf-8', errors='replace'))]
        return [name for name in found if name not in default][:_MOST_USERS]

    def _changed_functions(self, path: str) -> Set[str]:
        """The functions of a file that hold changed lines."""
        source = self._source(path)
        lines = {number for name, number in self.owner if name == path}
        return {name for name, first, last in source.functions
                if any(first <= number <= last for number in lines)} if source else set()

    def _needed(self, build: Build, compiled: Set[str]) -> List[str]:
        """The instrumented objects that hold changed lines, or include a changed header."""
        needed = {f'{name[:-2]}.o' for name in self.files if name.endswith('.c')} & compiled
        headers = [name for name in self.files if name.endswith('.h')]
        for name, users in objects.dependents(build.folder, headers).items():
            measured = sorted(set(users) & compiled)[:_MOST_OBJECTS]
            self.of[name] = (len(measured), len(users))
            needed |= set(measured)
        return sorted(needed)

    def _read(self, build: Build, run: MeasuredRun, results: Results
              ) -> Tuple[Coverage, List[str]]:
        """gcov's figures, of the data of all tests together."""
        lost = [str(run.folder(record.number)) for record in results.boots
                if not any(run.folder(record.number).rglob('*.gcda'))]
        said = measure.lost_boots(run, results, Coverage(lost=lost))
        said += measure.broken_cases(results)
        if not self._objects:
            return Coverage(), said
        together = run.data / 'together'
        try:
            for name in self._objects:
                notes = build.folder / f'{name[:-2]}.gcno'
                files = [file for folder in ('boot-*/by-test/*', 'boot-*') for file in
                         sorted(run.data.glob(f'{folder}/{name[:-2]}.gcda'))]
                self._counts[name] = {file: counters.data(file, notes) for file in files}
                if files:
                    counters.add(self._counts[name], together / f'{name[:-2]}.gcda')
            return gcov.read(self._objects, build.folder, self.tree.src, [together]), said
        except gcov.NoData:
            return Coverage(), said
        except CoverageError as cause:
            raise cli.CannotTest(str(cause)) from cause

    def verdicts(self, measured: Measured) -> Lines:
        """The verdict on each changed line."""
        build, coverage = measured.build, measured.coverage
        options = kbuild.options(build.folder)
        linked = set(proc.output(['ar', 't', 'vmlinux.a'], build.folder).split())
        excused = measure.excused(coverage.only(self.files), self.tree, {
            (path, name) for path in self.files for name in self._changed_functions(path)})
        self.stale = excused.stale
        tests = self._tests(build)
        unless, crashed = measure.unless(measured.results), measure.crashed(measured.results)
        found: Lines = {}
        for path in self.files:
            numbers = [number for name, number in self.owner if name == path]
            source = self._source(path)
            knowledge = Knowledge(
                self.config.name, coverage.files.get(path), text_of.macros(options),
                self._absent(path, linked, options), functools.partial(self._let_through, path),
                {number: why for (name, number), why in excused.why.items() if name == path},
                {number: tests.get((path, number), []) for number in numbers}, self._where(path),
                unless, {number: case for (name, number), case in crashed.items() if name == path})
            for number, verdict in change.classify(numbers, source, knowledge).items():
                found[path, number] = verdict
        return found

    def _where(self, path: str) -> str:
        few, many = self.of.get(path, (0, 0))
        return f' in the {few} of {many} objects that were measured' if few < many else ''

    def _source(self, path: str) -> Optional[text_of.Source]:
        """The text of a C file, or of an assembler's; None for what is neither."""
        if not path.endswith(('.c', '.h', '.S')):
            return None
        text = (self.tree.src / path).read_text(encoding='utf-8', errors='replace')
        return text_of.read(text)

    def _absent(self, path: str, linked: Set[str], options: Dict[str, str]) -> str:
        """Why a whole file is not in this kernel."""
        if path.endswith(('.c', '.S')):
            if f'{path[:-2]}.o' in linked:
                return ''
            return absent.why(self.tree.src, path, options) or 'not part of this kernel'
        if path.endswith('.h') and not self.of.get(path, (0, 0))[1]:
            why = absent.why(self.tree.src, path, options)
            return why or 'no object of this kernel includes it'
        return ''

    def _tests(self, build: Build) -> Dict[Tuple[str, int], List[str]]:
        """Which tests ran each changed line."""
        lines: Dict[str, Set[int]] = {}
        for path, number in self.owner:
            lines.setdefault(path, set()).add(number)
        found: Dict[Tuple[str, int], List[str]] = {}
        for name in self._objects:
            graphs = counters.notes(build.folder / f'{name[:-2]}.gcno')
            places = {file: path for file in counters.sources(graphs)
                      for path in [self._below(file)] if path in lines}
            watched = counters.watch(graphs, places, lines)
            for file, counts in self._counts.get(name, {}).items():
                test = _test_of(file)
                for place in watched.lines(counts) if test else ():
                    listed = found.setdefault(place, [])
                    if test not in listed:
                        listed.append(test)
        return found

    def _below(self, file: str) -> str:
        prefix = f'{self.tree.src}/'
        return file[len(prefix):] if file.startswith(prefix) else file

    def _let_through(self, path: str) -> Optional[Set[int]]:
        """The lines of a file that the preprocessor let through, in the first object with it."""
        if path not in self._seen:
            folder = self.tree.builds / self.config.name
            users = [f'{path[:-2]}.o'] if path.endswith('.c') else [
                name for name in self._objects
                if name in objects.dependents(folder, [path])[path]]
            self._seen[path] = self._preprocess(folder, users[0], path) if users else None
        return self._seen[path]

    def _preprocess(self, folder: Path, name: str, path: str) -> Optional[Set[int]]:
        record = folder / Path(name).parent / f'.{Path(name).name}.cmd'
        try:
            command = record.read_text(encoding='utf-8').split('\n')[0].partition(':= ')[2]
        except OSError:
            return None
        words = shlex.split(re.split(r'\s*;\s*', command)[0])
        words = [word for word in words if not word.startswith('-Wp,-MMD') and word != '-c']
        if '-o' in words:
            at = words.index('-o')
            del words[at:at + 2]
        words = words[1:] if words and words[0] == 'ccache' else words
        done = subprocess.run([*words, '-E'], cwd=folder, env=proc.environment(), check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
        if done.returncode:
            return None
        text = done.stdout.decode('utf-8', 'replace')
        return preprocessed.lines(text, lambda file: self._below(file) == path)


def _test_of(file: Path) -> str:
    """Whose data a file has, data/boot-N/by-test/suite.case/...; '' when it belongs to no test."""
    parts = file.parts
    return parts[parts.index('by-test') + 1] if 'by-test' in parts else ''
