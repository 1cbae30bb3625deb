# SPDX-License-Identifier: GPL-2.0
"""Each patch by itself: does it build, without new warnings, and do the suites pass.

The base is built first, with what the patches touch compiled anew, so that
warnings and code have something to be compared with.  kbuild does the rest:
from one patch to the next only what differs is compiled.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Set, Tuple

from . import cli, configs, git, kbuild, objects, proc, testrun, verdict
from .kbuild import Build
from .objects import Size
from .reviewed import Change, Step
from .testrun import Options, Results, Run

# W=1 without kernel-doc, which reads every file that is compiled.
WARNINGS = ('W=1', 'cmd_checkdoc=')
_WARNING = re.compile(r'^((?:\w[\w.-]*/)*[\w.-]+\.[chS]):(\d+)(?::\d+)?: '
                      r'(warning|error): (.*)$')
_COMPILED = re.compile(r'^  CC +(\S+\.o)', re.MULTILINE)
_EXCEPTION = re.compile(r'^checkpatch: ([A-Z_]+): \S', re.MULTILINE)
_FINDING = re.compile(r'^\S+?:(\d+): ((?:ERROR|WARNING|CHECK):\S+: .*)$', re.MULTILINE)
_MOST_OBJECTS = 40


@dataclass(frozen=True)
class Warning:
    """One complaint of the compiler's; lines do not count when two are compared."""
    file: str
    line: int
    text: str

    @property
    def key(self) -> Tuple[str, str]:
        """What makes it the same in another version of the file."""
        return self.file, self.text

    def facts(self) -> Dict[str, object]:
        """For report.json."""
        return {'file': self.file, 'line': self.line, 'text': self.text}


@dataclass
class Checked:
    """What one patch came to.  builds None: it was not tried; error: why it does not."""
    step: Step
    builds: Optional[bool] = None
    error: str = ''
    warnings: List[Warning] = field(default_factory=list)
    checkpatch: List[str] = field(default_factory=list)
    tests: Optional[Results] = None
    failures: List[str] = field(default_factory=list)
    size: Optional[Size] = None
    changed: Set[str] = field(default_factory=set)
    indirect: Set[str] = field(default_factory=set)

    @property
    def held(self) -> bool:
        """Whether nothing is wrong with it; a warning or a matter of form is not wrong."""
        return self.builds is not False and not self.failures


@dataclass
class Failure:
    """A case that fails at one patch: where it began, and where it is mended, if at all."""
    case: str
    since: int
    mended: Optional[int]
    message: str


def checkpatch(change: Change, step: Step, folder: Path) -> List[str]:
    """The findings of the kernel's own script in one patch."""
    patch = folder / f'{step.number:04d}.patch'
    patch.write_bytes(git.encode(step.mail))
    options = ['--terse', '--show-types', '--no-summary', '--color=never', '--no-tree']
    options += [] if change.signed else ['--no-signoff', '--ignore=COMMIT_MESSAGE']
    options += [f'--ignore={kind}' for kind in _EXCEPTION.findall(step.mail)]
    done = subprocess.run(['perl', str(change.tree.src / 'scripts' / 'checkpatch.pl'), *options,
                           str(patch)], cwd=change.tree.src, env=proc.environment(), check=False,
                          text=True, errors='replace', stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [text for _, text in _FINDING.findall(done.stdout)]


class Stepwise:
    """The walk from the base to the last patch in one configuration."""

    def __init__(self, change: Change, config: configs.Config, options: Options, folder: Path
                 ) -> None:
        self.change = change
        self.config = config
        self.options = options
        self.folder = folder
        self.build_folder = change.tree.builds / config.name
        self._kept = folder / 'objects'
        self._warned: Set[Tuple[str, str]] = set()
        self._failing: Dict[str, str] = {}
        self.base_failing: Set[str] = set()
        self.build: Optional[Build] = None

    def base(self) -> None:
        """Build and run what the patches stand on."""
        tree = self.change.go(self.change.base)
        touched = {name for step in self.change.steps for name in step.touched}
        for name in touched:
            if name.endswith('.c') and (tree.src / name).exists():
                (tree.src / name).touch()
        self.build = kbuild.build(tree, self.config, WARNINGS, self.options.jobs)
        self._warned = {one.key for one in self._complaints() if one.file in touched}
        results = self._run('base')
        self.base_failing = _bad(results)

    def step(self, checked: Checked) -> None:
        """One patch."""
        step = checked.step
        before = self._keep(step)
        tree = self.change.go(step.commit)
        try:
            self.build = kbuild.build(tree, self.config, WARNINGS, self.options.jobs, quiet=True)
            checked.builds = True
        except kbuild.DoesNotBuild as cause:
            checked.builds = False
            checked.error = cause.error
            cli.say(f'patch {step.number} does not build')
        complaints = [one for one in self._complaints() if one.file in step.touched]
        checked.warnings = [one for one in dict.fromkeys(complaints) if one.key not in self._warned]
        self._warned |= {one.key for one in complaints}
        if checked.builds:
            self._compare(checked, before)
            checked.tests = self._tested(f'patch-{step.number}')
            checked.failures = sorted(_bad(checked.tests) - self.base_failing)

    def _tested(self, name: str) -> Results:
        """What the suites come to; a kernel that does not come up is the patch's failure."""
        try:
            return self._run(name)
        except testrun.DoesNotBoot as cause:
            return Results(problems=[verdict.Problem('the boot', str(cause), [], 0)])

    def _run(self, name: str) -> Results:
        assert self.build is not None
        logs = self.folder / name
        logs.mkdir(parents=True)
        run = Run(self.build, self.options, logs)
        return run.run(run.select([]))

    def _complaints(self) -> List[Warning]:
        """The compiler's warnings of the last build, with files below the tree."""
        log = kbuild.log(self.build_folder, self.change.tree.src)
        found = [match for match in map(_WARNING.match, log) if match]
        return [Warning(match.group(1), int(match.group(2)), match.group(4)) for match in found
                if match.group(3) == 'warning']

    def _keep(self, step: Step) -> List[str]:
        """Copy the objects that a patch will have compiled anew; their names."""
        shutil.rmtree(self._kept, ignore_errors=True)
        names = [file.path for file in step.files] + [file.old_path for file in step.files]
        wanted = [name for name in dict.fromkeys(names) if name.endswith(('.c', '.h', '.S'))]
        uses = objects.dependents(self.build_folder, wanted)
        own = [f'{name[:-2]}.o' for name in wanted if name.endswith('.c')]
        listed = list(dict.fromkeys([*own, *(one for many in uses.values() for one in many)]))
        for name in listed:
            if (self.build_folder / name).exists():
                (self._kept / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.build_folder / name, self._kept / name)
        return listed

    def _compare(self, checked: Checked, names: Sequence[str]) -> None:
        """What the patch did to the code."""
        assert self.build is not None
        every = [(self._kept / name, self.build_folder / name) for name in names]
        pairs = [(old, new) for old, new in every if not old.exists() or not new.exists()
                 or old.read_bytes() != new.read_bytes()][:_MOST_OBJECTS]
        checked.changed = self._textual(checked.step)
        differing: Set[str] = set()
        for old, new in pairs:
            differing |= objects.differing(old, new)
        checked.indirect = differing - checked.changed
        checked.size = objects.sizes(self.build, pairs)

    def _textual(self, step: Step) -> Set[str]:
        repository = git.Git(self.change.tree.src)
        names: Set[str] = set()
        for file in step.files:
            if file.path.endswith(('.c', '.h')):
                old = repository.blob(f'{step.parent}:{file.old_path}') or b''
                new = repository.blob(f'{step.commit}:{file.path}') or b''
                names |= objects.textual(git.decode(old), git.decode(new), file.removed, file.added)
        return names


def _bad(results: Results) -> Set[str]:
    return {f'{case.suite}.{case.name}' for case in results.cases if case.bad} | {
        problem.where for problem in results.problems}


def message_of(results: Results, name: str) -> str:
    """The cause of one failure in one line."""
    for case in results.cases:
        if f'{case.suite}.{case.name}' == name:
            said = case.message.replace('mm/tests/sandbox/', 'kunit-suites/')
            said = re.sub(r'^(\w+) FAILED at (\S+)$',
                          lambda found: f'{found[2]}: {found[1].lower()} failed', said)
            return said if case.status == verdict.FAILED else f'{case.status}: {said}'
    return next((problem.message for problem in results.problems if problem.where == name), '')


def failures(every: Sequence[Checked]) -> List[Failure]:
    """Cases that fail somewhere, with the patch that breaks and the one that mends them."""
    found: List[Failure] = []
    open_: Dict[str, Failure] = {}
    for checked in every:
        if checked.tests is None:
            continue
        for name in checked.failures:
            if name not in open_:
                open_[name] = Failure(name, checked.step.number, None,
                                      message_of(checked.tests, name))
                found.append(open_[name])
        for name in [name for name in open_ if name not in checked.failures]:
            open_.pop(name).mended = checked.step.number
    return found
