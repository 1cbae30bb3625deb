# SPDX-License-Identifier: GPL-2.0
"""Build a kernel: kbuild does it, we choose the target and the options.

A build folder per configuration, build/NAME, one command at a time in it.  In
a warm folder nothing runs that is not needed: one target (linux) instead of
kunit.py's three, olddefconfig only when a fragment or a Kconfig file changed,
compile_commands.json only when the configuration or the suites' list did.
"""

import atexit
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from . import cli, configs, paths, proc
from .configs import Config
from .meter import Meter
from .tree import Tree

LOG = 'build.log'
_COUNT = '.objects'
_WANTED = '.wanted'
_COMPILED = re.compile(r'^  (?:CC|AS)(?: \[M\])? +(\S+)')
_COMPLAINT = re.compile(r'(?:error|warning):|undefined reference|multiple definition|'
                        r'No rule to make|\*\*\* |ld: ')
_NOTHING_BUILT_YET = 560
_HOST_PARTS = ('scripts', 'tools')


class DoesNotBuild(cli.CannotTest):
    """The kernel's sources are at fault: a finding, where they are what is tested.

    error: the compiler's first.
    """

    def __init__(self, message: str, error: str) -> None:
        super().__init__(message)
        self.error = error or message


@dataclass(frozen=True)
class Build:
    """A kernel that was built: where it is, with what, and what it took.

    linux is a link of this process's own, so that a later build does not
    change the kernel under a run; built counts the objects compiled now, and
    objects all that the kernel consists of.
    """
    tree: Tree
    config: Config
    folder: Path
    linux: Path
    compiler: str
    built: int
    objects: int
    seconds: float

    def heading(self) -> str:
        """'linux 7.3.4 + 17 patches, fast, gcc 12.2', and what was built."""
        what = f'{self.tree.heading()}, {self.config.name}, {self.compiler}'
        took = f'built {self.built} of {self.objects} objects in {self.seconds:.1f} s'
        return f'{what:<44} {took}'


def build(tree: Tree, config: Config, make_args: Sequence[str] = (), jobs: int = 0,
          quiet: bool = False) -> Build:
    """Configure and build; CannotTest after the compiler's own words when it fails.

    quiet: leave these words to the log.
    """
    folder = tree.builds / config.name
    for path in (tree.src, folder):
        if re.search(r'[\s:]', str(path)):
            raise cli.CannotTest(f"kbuild cannot work in '{path}': spaces or colons in the path")
    started = time.monotonic()
    with proc.locked(tree.builds / f'.{config.name}.lock', f'builds {config.name}'):
        folder.mkdir(parents=True, exist_ok=True)
        make = _Make(tree, folder, make_args, jobs, quiet)
        make.configure(config)
        built = make.compile()
        make.compile_commands()
        return Build(tree, config, folder, _own_link(folder), compiler(), built,
                     max(make.objects(), built), time.monotonic() - started)


class _Make:
    """kbuild in one build folder."""

    def __init__(self, tree: Tree, folder: Path, make_args: Sequence[str], jobs: int,
                 quiet: bool = False) -> None:
        self.quiet = quiet
        self.tree = tree
        self.folder = folder
        compiler_command = 'ccache gcc' if shutil.which('ccache') else 'gcc'
        self.command = ['make', 'ARCH=um', f'O={folder}', f'CC={compiler_command}',
                        f'-j{jobs or os.cpu_count() or 1}', *make_args]
        self.environment = proc.environment()

    def configure(self, config: Config) -> None:
        """Make .config what the fragments say; an option that did not take effect is an error."""
        wanted = configs.merged(self.tree, config, self.folder)
        text = ''.join(f'{entry}\n' for entry in wanted.as_entries())
        dot_config = self.folder / '.config'
        same = dot_config.exists() and _text(self.folder / _WANTED) == text
        if same and not self._kconfig_changed() and not self._lost(wanted):
            return
        (self.folder / _WANTED).unlink(missing_ok=True)
        dot_config.write_text(text, encoding='utf-8')
        if self._run('olddefconfig'):
            raise cli.CannotTest(f'kbuild cannot configure; see {paths.shown(self.folder / LOG)}')
        lost = self._lost(wanted)
        if lost:
            raise cli.CannotTest(f'CONFIG={config.name}: these options did not take effect (a '
                                 f'dependency is missing?): {", ".join(lost)}')
        (self.folder / _WANTED).write_text(text, encoding='utf-8')

    def compile(self) -> int:
        """Build the kernel's binary; how many objects it took."""
        objects = self.objects()
        meter = Meter('building', objects or _NOTHING_BUILT_YET, 'objects', about=not objects)
        status = self._run('linux', meter)
        if status:
            raise DoesNotBuild('the kernel does not build; all that make said is in '
                               f'{paths.shown(self.folder / LOG)}',
                               first_error(log(self.folder, self.tree.src)))
        if meter.count:
            (self.folder / _COUNT).unlink(missing_ok=True)
        return meter.count

    def compile_commands(self) -> None:
        """Make compile_commands.json, for editors, when it may name other files than before."""
        commands = self.folder / 'compile_commands.json'
        makefiles = [self.folder / _WANTED, *paths.SUITES.rglob('Makefile')]
        if not commands.exists() or any(_newer(path, commands) for path in makefiles):
            self._run('compile_commands.json')
            if commands.exists():
                commands.touch()
        link = self.tree.src / 'compile_commands.json'
        if not link.exists() and commands.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(commands)

    def objects(self) -> int:
        """How many objects the kernel consists of; 0 before the first build."""
        count = self.folder / _COUNT
        if not count.exists():
            if not (self.folder / 'linux').exists():
                return 0
            found = sum(name.endswith('.o.cmd') for part in self.folder.iterdir()
                        if part.is_dir() and not part.is_symlink()
                        and part.name not in _HOST_PARTS
                        for _, _, names in os.walk(part) for name in names)
            count.write_text(f'{found}\n', encoding='ascii')
        return int(count.read_text(encoding='ascii'))

    def _kconfig_changed(self) -> bool:
        """Whether a Kconfig file is newer than what was last made of them."""
        made = self.folder / 'include' / 'config' / 'auto.conf'
        read = _text(self.folder / 'include' / 'config' / 'auto.conf.cmd')
        sources = re.findall(r'^\t(\S+)', read, re.MULTILINE)
        return not made.exists() or any(
            _newer(self.tree.src / source, made) for source in sources if 'Kconfig' in source)

    def _lost(self, wanted: Any) -> List[str]:
        config = configs.kunit_module(self.tree, 'kunit_config')
        actual = config.parse_file(str(self.folder / '.config'))
        if wanted.is_subset_of(actual):
            return []
        values = {entry.name: entry.value for entry in actual.as_entries()}
        return [f'{entry} (is {values.get(entry.name, "not there")})'
                for entry in wanted.as_entries()
                if values.get(entry.name, 'n') != entry.value]

    def _run(self, target: str, meter: Optional[Meter] = None) -> int:
        """Run one target with its output to the log; complaints also to the terminal."""
        complaints: List[str] = []
        with open(self.folder / LOG, 'w', encoding='utf-8') as log, subprocess.Popen(
                [*self.command, target], cwd=self.tree.src, env=self.environment, text=True,
                errors='backslashreplace', stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as make:
            try:
                for line in make.stdout or ():
                    log.write(line)
                    if meter and _COMPILED.match(line):
                        meter.at(meter.count + 1)
                    if _COMPLAINT.search(line):
                        complaints.append(self._shown(line))
            except BaseException:
                make.terminate()
                raise
            finally:
                if meter:
                    meter.close()
        for complaint in _worst_first(complaints)[:0 if self.quiet else 25]:
            cli.say(complaint)
        return make.returncode

    def _shown(self, line: str) -> str:
        """A line of the compiler's with paths as a person in the repository's root has them."""
        return line.rstrip().replace(f'{self.tree.src}/mm/tests/sandbox/', 'kunit-suites/').replace(
            f'{self.tree.src}/', f'{paths.shown(self.tree.src)}/')


def _worst_first(complaints: Sequence[str]) -> List[str]:
    """The compiler's errors, then its warnings, then what make made of them."""
    def rank(line: str) -> int:
        return 0 if 'error:' in line or 'undefined' in line else 1 if 'warning:' in line else 2
    return sorted(complaints, key=rank)


def log(folder: Path, src: Path) -> List[str]:
    """What the last build in a folder said, with files as they are called below the tree."""
    text = (folder / LOG).read_text(encoding='utf-8', errors='replace')
    text = text.replace('\u2018', "'").replace('\u2019', "'")      # gcc's quotes, in UTF-8
    return text.replace(f'{src}/', '').splitlines()


def first_error(lines: Sequence[str]) -> str:
    """The compiler's, else the linker's, else make's first error; '' when there is none."""
    for pattern in (r': (?:fatal )?error: ', r'undefined reference|multiple definition',
                    r'No rule to make|\*\*\* '):
        for line in lines:
            if re.search(pattern, line):
                return line.strip()
    return ''


def compiler() -> str:
    """The compiler as reports name it: 'gcc 12.2'."""
    version = proc.output(['gcc', '-dumpfullversion']).strip()
    return f'gcc {version.rpartition(".")[0] or version}'


def options(folder: Path) -> Dict[str, str]:
    """The kernel's configuration as built: {'KASAN': 'y', ...}."""
    return dict(re.findall(r'^CONFIG_(\w+)=(.*)$', _text(folder / '.config'), re.MULTILINE))


def _own_link(folder: Path) -> Path:
    """A hard link to the kernel that lasts as long as this process."""
    runs = folder / '.run'
    runs.mkdir(exist_ok=True)
    for old in runs.iterdir():
        if not Path('/proc', old.name).exists():
            shutil.rmtree(old, ignore_errors=True)
    own = runs / str(os.getpid())
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    os.link(folder / 'linux', own / 'linux')
    return own / 'linux'


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8', errors='replace')
    except FileNotFoundError:
        return ''


def _newer(path: Path, other: Path) -> bool:
    try:
        return path.stat().st_mtime_ns > other.stat().st_mtime_ns
    except FileNotFoundError:
        return True
