# SPDX-License-Identifier: GPL-2.0
"""Coverage of a run: which objects are instrumented, and each boot's data in its own folder.

The topic um-gcov lets kbuild's GCOV_PROFILE_<object> choose what CONFIG_GCOV
instruments, so another choice compiles only the objects that differ.

report.json of a coverage run, beside all that a run's has (runreport.py):

files         by path: lines, branches, functions, each {covered, total}, and
              by_function: [{name, line, calls, lines, branches}] in the order of
              the source; empty when no boot left data
totals        lines, branches, functions of all files together
reasons       lines, branches: covered or excused by kunit-suites/*/uncovered, of all;
              stale: a line of text for each entry that excuses nothing
gcov          version of gcc whose data it is;  optimisation: its flags
lost          a line of text for each boot that left no data
not_compiled  files of the default list that the configuration leaves out
"""

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Set, Tuple

from coverage import Coverage, CoverageError, gcov, reasons
from coverage.reasons import Excused

from . import boot, cli, kernel_log, ktap, paths, proc, verdict
from .kbuild import Build
from .testrun import BootRecord, Options, Results, Run
from .tree import Tree

DEFAULT = paths.SUITES / 'coverage-files'
TOPIC = 'um-gcov'
BY_TEST = 'gcov-by-test'

# Cases whose data was not written, for they did not come to their end.
_BROKEN_OFF = {verdict.CRASHED: 'crashed', verdict.HUNG: 'hung', verdict.NOT_RUN: 'did not run',
               verdict.FLOODED: 'flooded the log'}
_PLACE = re.compile(r'(?<![\w./-])((?:\w[\w.-]*/)+\w[\w.-]*\.[chS]):(\d+)')
_MEMORY = Path('/dev/shm')
_ROOM = 1 << 30

# In place of kbuild's own CFLAGS_GCOV, whose flags are the first line.  The
# others switch off what gcc -O2 does before it instruments and what makes
# lines and outcomes vanish: see docs/coverage.md.
FLAGS = ('-fprofile-arcs', '-ftest-coverage', '-fno-tree-loop-im', '-fprofile-update=prefer-atomic',
         '-fno-inline-small-functions', '-fno-ssa-phiopt', '-fno-thread-jumps')


def files(tree: Tree, text: str) -> Tuple[str, ...]:
    """The files that FILES= names, or those in kunit-suites/coverage-files."""
    if TOPIC not in tree.topics:
        raise cli.CannotTest(f'{tree.src} does not have the topic {TOPIC}: its kernel writes '
                             'no coverage data')
    if text:
        # A shell completes linux/src/mm/vma.c, which is as good.
        for prefix in f'{tree.src}/', f'{paths.shown(tree.src)}/':
            text = text.replace(prefix, '')
        names = [name for name in re.split(r'[,\s]+', text) if name]
    else:
        lines = DEFAULT.read_text(encoding='utf-8').splitlines()
        names = [line.strip() for line in lines if line.strip() and line[0] != '#']
    for name in names:
        path = tree.src / name
        if not path.is_file() or tree.src not in path.parents or '..' in Path(name).parts:
            raise cli.CannotTest(f'FILES: there is no {name} in {paths.shown(tree.src)}')
        if path.suffix not in ('.c', '.h'):
            raise cli.CannotTest(f'FILES: {name} is neither a .c nor a .h file')
    if not objects(names):
        raise cli.CannotTest('FILES: a header is measured in the objects that include it: '
                             'name a .c file, too')
    return tuple(dict.fromkeys(names))


def objects(names: Sequence[str]) -> List[str]:
    """The objects of the .c files: 'mm/vma.o'."""
    return [f'{name[:-2]}.o' for name in names if name.endswith('.c')]


def make_arguments(names: Sequence[str]) -> List[str]:
    """What tells kbuild to instrument them (and others of the same name elsewhere)."""
    chosen = sorted({f'GCOV_PROFILE_{Path(name).name}=y' for name in objects(names)})
    return [f'CFLAGS_GCOV={" ".join(FLAGS)}', *chosen]


def compiled(build: Build, names: Sequence[str]) -> List[str]:
    """Those of the files that are part of the kernel that was built."""
    listed = set(proc.output(['ar', 't', 'vmlinux.a'], build.folder).split())
    return [name for name in names if name.endswith('.h') or f'{name[:-2]}.o' in listed]


def optimisation(build: Build, name: str) -> str:
    """The flags that decide what is left to count, as kbuild recorded them for an object."""
    path = Path(name)
    recorded = build.folder / path.parent / f'.{path.name}.cmd'
    words = recorded.read_text(encoding='utf-8').split('\n')[0].split()
    levels = [word for word in words if word.startswith('-O')] or ['-O0']
    return ' '.join([levels[-1], *(word for word in FLAGS[4:] if word in words)])


class MeasuredRun(Run):
    """A run whose boots write their data to data/boot-N, N as in the report.

    by_test: what each test executed goes to data/boot-N/by-test/suite.case.
    """

    def __init__(self, build: Build, options: Options, logs: Path, by_test: bool = False) -> None:
        self.data = _in_memory(logs / 'data') if by_test else logs / 'data'
        self._more = ['gcov_by_test=1'] if by_test and BY_TEST in build.tree.topics else []
        super().__init__(build, options, logs)

    def start(self, arguments: Sequence[str]) -> Tuple[boot.Boot, ktap.Follower, BootRecord]:
        """Start one boot; what a boot for the list of tests wrote under this number goes."""
        folder = self.folder(self._started + 1)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.env = gcov.run_environment(self.build.folder, folder)
        return super().start([*arguments, *self._more])

    def folder(self, number: int) -> Path:
        """Where the boot of this number writes."""
        return self.data / f'boot-{number}'


def lost_boots(run: MeasuredRun, results: Results, coverage: Coverage) -> List[str]:
    """A line for each boot that left no data: how it ended, how many cases that concerns."""
    lines = []
    for record in results.boots:
        if str(run.folder(record.number)) in coverage.lost:
            ran = sum(case.boot == record.number for case in results.cases)
            how = 'it did not shut down' if record.ended == boot.EXITED else record.ended
            lines.append(f'boot {record.number} left no data ({how}): what its {ran} cases '
                         'executed is not counted')
    return lines


def broken_cases(results: Results) -> List[str]:
    """A line when cases did not come to the end at which what they executed is written."""
    broken = [f'{case.suite}.{case.name}' for case in results.cases
              if case.status in _BROKEN_OFF]
    if not broken:
        return []
    some = ', '.join(broken[:3]) + (f' and {len(broken) - 3} more' if len(broken) > 3 else '')
    return [f'not counted is what these executed, for they did not come to their end: {some}']


def unless(results: Results) -> str:
    """Whose executions are not known, as in 'no test gets here, unless in ...'; '' for nobody's."""
    lost = [(f'{case.suite}.{case.name}', _BROKEN_OFF[case.status]) for case in results.cases
            if case.status in _BROKEN_OFF]
    if len(lost) < 2:
        return ''.join(f'in {name}, which {how}' for name, how in lost)
    others = f'{len(lost) - 1} others' if len(lost) > 2 else lost[1][0]
    return f'in {lost[0][0]} or {others}, which broke off'


def crashed(results: Results) -> Dict[Tuple[str, int], str]:
    """The lines that the panic under a case names, and the case: the kernel was there.

    BUG() says its own just before.  A '?' before a line of a stack says that it may be an old one.
    """
    found: Dict[Tuple[str, int], str] = {}
    for case in results.cases:
        if case.status != verdict.CRASHED:
            continue
        log = [kernel_log.plain(line) for line in case.log]
        begin = max((at for at, line in enumerate(log) if line.startswith('Kernel panic')),
                    default=len(log))
        told = [line for line in log[max(begin - 1, 0):] if not re.match(r'\s*\? ', line)]
        for path, number in _PLACE.findall('\n'.join(told)):
            found.setdefault((path, int(number)), f'{case.suite}.{case.name}')
    return found


def excused(coverage: Coverage, tree: Tree,
            functions: Optional[Set[Tuple[str, str]]] = None) -> Excused:
    """What the reasons in kunit-suites/*/uncovered add to it.

    functions: (path, name) of those whose stale reasons are told, None for all.
    """
    try:
        known = reasons.read(sorted(paths.SUITES.glob('*/uncovered')), paths.ROOT)
        found = reasons.excuse(known, coverage, tree.src)
        if functions is not None:
            told = [one for one in known if (one.path, one.function) in functions]
            found.stale = reasons.excuse(told, coverage, tree.src).stale
        return found
    except CoverageError as cause:
        raise cli.CannotTest(str(cause)) from cause


def _in_memory(data: Path) -> Path:
    """A folder for thousands of files that are soon read and gone: on a tmpfs where there is room.

    data leads to it.
    """
    try:
        room = os.statvfs(_MEMORY)
    except OSError:
        return data
    if room.f_bavail * room.f_frsize < _ROOM or not os.access(_MEMORY, os.W_OK):
        return data
    for old in _MEMORY.glob('sandbox-gcov-*'):      # of processes that were killed
        if not Path('/proc', old.name.split('-')[2]).exists():
            shutil.rmtree(old, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=f'sandbox-gcov-{os.getpid()}-', dir=_MEMORY)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    data.symlink_to(folder)
    return data


def drop_data(folder: Path) -> None:
    """Remove what many boots wrote for each test; the figures are in the report."""
    for data in sorted(folder.glob('**/data')):
        shutil.rmtree(data.resolve(), ignore_errors=True)
        if data.is_symlink():
            data.unlink()


def genhtml(info: Path, folder: Path, source: Path, title: str) -> None:
    """lcov's pages of a tracefile."""
    command = ['genhtml', '--quiet', '--branch-coverage', '--legend', '--title', title,
               '--prefix', str(source), '--output-directory', str(folder), str(info)]
    done = subprocess.run(command, env=proc.environment(), check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ['no message'])[-1]
        raise cli.CannotTest(f'genhtml: {last}')
