# SPDX-License-Identifier: GPL-2.0
"""Read what gcc's instrumentation left: notes (.gcno) and data (.gcda).

The compiler writes the notes beside the object.  A program that ends by exit()
writes the data, at the path recorded in the object, or under GCOV_PREFIX: see
`run_environment`, which keeps runs apart.  gcov(1) joins the two; notes and
data of one object need not lie in one folder here.

gcov itself takes a cut-off data file without complaint, and a mismatch for
"not executed", so both are looked for first.  The layout of the files is the
one that gcc's gcov-io.h describes.
"""

import concurrent.futures
import json
import os
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from .model import Coverage, CoverageError, File, Function, Line

FORMATS = ('1', '2')     # of gcov's JSON: gcc 9 to 13, gcc 14 and later
NOTES = b'gcno'
DATA = b'gcda'


class NoData(CoverageError):
    """No run left any data.  runs: their folders."""

    def __init__(self, runs: List[str]) -> None:
        super().__init__(f'no coverage data in {", ".join(runs) or "no run at all"}: '
                         'the program did not run, or did not end by exit()')
        self.runs = runs


class Header(NamedTuple):
    """The first words of a notes or data file."""
    order: str           # byte order, as struct spells it
    version: str         # of gcc, two digits and a letter: 'B22*' is 12.2
    stamp: int           # the same in the notes and data of one compilation

    @property
    def major(self) -> int:
        """gcc's major version: 'A' is 10, and '9' was written as '9'."""
        first = self.version[0]
        if first.isdigit():
            return int(first)
        return (ord(first) - ord('A')) * 10 + int(self.version[1])


def run_environment(build: Path, run: Path) -> Dict[str, str]:
    """The environment in which a program built in `build` writes its data below `run`."""
    folder = build.resolve()
    return {'GCOV_PREFIX': str(run.resolve()), 'GCOV_PREFIX_STRIP': str(len(folder.parts) - 1)}


def read(objects: Iterable[str], build: Path, source: Path, runs: Sequence[Path],
         gcov: str = 'gcov', jobs: Optional[int] = None) -> Coverage:
    """What the objects executed in all the runs together.

    objects: names below the build folder ('mm/vma.o').  source: folder that
    the files' names are told relative to.  runs: folders with the data, laid
    out as the build folder is (or the build folder itself).  jobs: how many
    gcov at a time.  Raises NoData when no run left any.
    """
    names = [name[:-2] if name.endswith('.o') else name for name in objects]
    for name in names:
        if not (build / f'{name}.gcno').is_file():
            raise CoverageError(f'{name}.o was not compiled with coverage in {build} (no .gcno)')
    coverage = Coverage()
    work: List[Tuple[str, Optional[Path]]] = []
    for run in runs:
        written = {name for name in names if (run / f'{name}.gcda').is_file()}
        if not written:
            coverage.lost.append(str(run))
            continue
        coverage.not_linked += [f'{name}.o' for name in names if name not in written
                                and f'{name}.o' not in coverage.not_linked]
        work += [(name, run if name in written else None) for name in names]
    if not work:
        raise NoData(coverage.lost)
    sources = _Sources(source)
    with concurrent.futures.ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        for answer in pool.map(lambda one: _ask(gcov, build, *one), work):
            coverage.compiler = str(answer['gcc_version'])
            _take(coverage, answer, sources)
    return coverage


def header(path: Path, magic: bytes) -> Header:
    """The first words of a .gcno or .gcda file, or CoverageError."""
    with open(path, 'rb') as opened:
        return _header(opened.read(12), path, magic)


def _header(words: bytes, path: Path, magic: bytes) -> Header:
    if len(words) < 12:
        raise CoverageError(f'{path} is cut off')
    for order in '<', '>':
        if words[:4] == (magic if order == '>' else magic[::-1]):
            version = words[4:8] if order == '>' else words[7:3:-1]
            stamp, = struct.unpack(f'{order}I', words[8:12])
            return Header(order, version.decode('ascii', 'replace'), stamp)
    raise CoverageError(f'{path} is not a .{magic.decode()} file')


def check(notes: Path, data: Path) -> None:
    """CoverageError unless the data is whole and belongs to the notes."""
    raw = data.read_bytes()
    head = _header(raw[:12], data, DATA)
    same_build(notes, header(notes, NOTES), data, head)
    if not _is_whole(raw, head):
        raise cut_off(data)


def same_build(notes: Path, ours: Header, data: Path, theirs: Header) -> None:
    """CoverageError unless notes and data with these headers belong together."""
    if theirs.version != ours.version:
        raise CoverageError(f'{data} is of another gcc than {notes} '
                            f'({theirs.version}, not {ours.version})')
    if theirs.stamp != ours.stamp:
        raise CoverageError(f'{data} is of another build than {notes} (stamps differ)')


def cut_off(data: Path) -> CoverageError:
    """What to say of data that does not go on to its end."""
    return CoverageError(f'{data} is cut off: its program was killed while writing it')


def _is_whole(raw: bytes, head: Header) -> bool:
    """Follow the records (tag, length, payload) to the zero tag at the end.

    Since gcc 12 lengths are bytes, not words, a negative one stands for that
    many bytes of zero counters, and the header has one more word.
    """
    recent = head.major >= 12
    position = 16 if recent else 12
    while position + 4 <= len(raw):
        tag, = struct.unpack_from(f'{head.order}I', raw, position)
        if tag == 0:
            return position + 4 == len(raw)
        if position + 8 > len(raw):
            return False
        length, = struct.unpack_from(f'{head.order}i', raw, position + 4)
        position += 8 + (max(length, 0) if recent else 4 * length)
    return False


def _ask(gcov: str, build: Path, name: str, run: Optional[Path]) -> Dict[str, Any]:
    """gcov's answer about one object in one run; run None: as never executed."""
    notes = (build / f'{name}.gcno').resolve()
    with tempfile.TemporaryDirectory(prefix='coverage-') as folder:
        os.symlink(notes, f'{folder}/object.gcno')
        asked = 'object.gcno'
        if run is not None:
            data = (run / f'{name}.gcda').resolve()
            check(notes, data)
            os.symlink(data, f'{folder}/object.gcda')
            asked = 'object.gcda'
        command = [gcov, '--json-format', '--stdout', '--branch-probabilities', asked]
        try:
            done = subprocess.run(command, cwd=folder, check=False, capture_output=True,
                                  env={**os.environ, 'LC_ALL': 'C'})
        except FileNotFoundError as cause:
            raise CoverageError(f'{gcov} is not installed') from cause
    complaints = [line for line in done.stderr.decode(errors='replace').splitlines()
                  if run is not None or 'assuming not executed' not in line]
    if done.returncode or complaints:
        said = complaints[0] if complaints else f'exit status {done.returncode}'
        raise CoverageError(f'{gcov} on {name}.gcda: {said}')
    return _parse(done.stdout, f'{gcov} on {name}')


def _parse(raw: bytes, where: str) -> Dict[str, Any]:
    try:
        answer = json.loads(raw.decode('utf-8', 'surrogateescape'))
    except ValueError as cause:
        raise CoverageError(f'{where}: its answer is not JSON (gcov 9 or newer is needed)'
                            ) from cause
    if not isinstance(answer, dict) or not isinstance(answer.get('files'), list):
        raise CoverageError(f'{where}: its JSON holds no files')
    if answer.get('format_version') not in FORMATS:
        raise CoverageError(f'{where}: JSON format {answer.get("format_version")} is unknown '
                            f'(known: {", ".join(FORMATS)})')
    return answer


class _Sources:
    """Names of source files: relative to one folder where they are inside it."""

    def __init__(self, root: Path) -> None:
        self.roots = {f'{os.path.abspath(root)}/', f'{os.path.realpath(root)}/'}

    def name(self, file: str, compiled_in: str) -> str:
        """The name of a file as the compiler wrote it, from the folder it ran in."""
        path = os.path.normpath(os.path.join(compiled_in, file))
        for root in self.roots:
            if path.startswith(root):
                return path[len(root):]
        return path


def _take(coverage: Coverage, answer: Dict[str, Any], sources: _Sources) -> None:
    """Add one answer of gcov's."""
    compiled_in = str(answer.get('current_working_directory', ''))
    for entry in answer['files']:
        if entry['lines'] or entry['functions']:
            coverage.add_file(_file(entry, sources.name(entry['file'], compiled_in)))


def _file(entry: Dict[str, Any], path: str) -> File:
    """One file of one object.

    Functions that begin in one line (one macro made both) have that line, and
    those they share, once for each: counts add up, as in gcov's own text, and
    the outcomes stand one after another, for they are different code.
    """
    file = File(path)
    for each in entry['lines']:
        line = file.lines.setdefault(each['line_number'], Line())
        line.count += each['count']
        line.branches += [branch['count'] for branch in each.get('branches', ())]
    for each in entry['functions']:
        function = Function(each['name'], each['start_line'], each['end_line'],
                            each['execution_count'])
        file.functions[function.start, function.name] = function
    return file
