# SPDX-License-Identifier: GPL-2.0
"""The base kernel: from Debian's source package to a git repository.

The same package gives the same commit id everywhere: content, identity and
date come from the package alone.
"""

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import IO, Dict, Optional

from . import apt, cli, paths, proc
from .checkout import BRANCH, version_of
from .children import Children
from .git import Git
from .progress import Progress

CONF = paths.LINUX / 'base.conf'
INSTALLED = Path('/usr/src')
ROOM = 5 * 10**9
_CHUNK = 1 << 20
_PACKAGING = re.compile(r'\n#\n# Debian packaging: .*?\n/\*\n!/debian/\n', re.DOTALL)


def configured() -> Dict[str, str]:
    """What linux/base.conf says."""
    facts: Dict[str, str] = {}
    for line in CONF.read_text(encoding='utf-8').splitlines():
        name, equals, value = line.partition('#')[0].partition('=')
        if equals:
            facts[name.strip()] = value.strip()
    for name in ('package', 'suites', 'version', 'keyring'):
        if not facts.get(name):
            raise cli.CannotTest(f"linux/base.conf does not say '{name}'")
    return facts


def need_room(folder: Path) -> None:
    """Refuse to begin what the disk cannot hold."""
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        raise cli.CannotTest(f'{free / 1e9:.1f} GB are free at {folder}: a kernel tree and its '
                             f'builds need {ROOM / 1e9:.0f} GB')


def find() -> apt.Package:
    """The base's package: as it is installed, else from the mirror."""
    facts = configured()
    name = facts['package']
    installed = INSTALLED / f'{name}.tar.xz'
    if installed.exists():
        asked = subprocess.run(['dpkg-query', '-W', '-f', '${Version}', name], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        package = apt.Package(installed, asked.stdout.strip())
        cli.say(f'using {installed} ({package.version or "of no package"})')
    else:
        package = apt.fetch(name, facts['suites'].split(), facts['keyring'])
    if package.version != facts['version']:
        cli.say(f'{name} {package.version or "of unknown version"} is not '
                f'{facts["version"]}, for which the series is known to apply')
    return package


def unpack(package: apt.Package, folder: Path) -> None:
    """Unpack the kernel of a package file, or of the archive that one installed."""
    folder.mkdir()
    environment = proc.environment()
    with Children() as children, contextlib.ExitStack() as stack:
        archive: Optional[IO[bytes]]
        if package.file.suffix == '.deb':
            deb = children.start(['dpkg-deb', '--fsys-tarfile', str(package.file)], environment)
            archive = children.start(
                ['tar', '-xO', '--wildcards', './usr/src/linux-source-*.tar.xz'],
                environment, deb.stdout).stdout
        else:
            archive = stack.enter_context(open(package.file, 'rb'))
        plain = children.start(['xz', '-T0', '-dc'], environment, subprocess.PIPE)
        children.start(['tar', '-x', '--no-same-owner', '--strip-components=1',
                        '-C', str(folder)], environment, plain.stdout)
        assert archive is not None and plain.stdin is not None
        _pump(archive, plain.stdin, package.file.stat().st_size)
        failed = children.failed()
    if failed or not (folder / 'Makefile').exists():
        raise cli.CannotTest(f'{package.file} cannot be unpacked: is the disk full, is the file '
                             'damaged?')


def _pump(source: IO[bytes], sink: IO[bytes], total: int) -> None:
    """Copy a stream and say how far it is."""
    with Progress('unpacking the kernel', total // 1000000, 'MB') as progress:
        copied = 0
        with contextlib.suppress(BrokenPipeError):  # the reader's status says why
            for chunk in iter(lambda: source.read(_CHUNK), b''):
                sink.write(chunk)
                copied += len(chunk)
                progress.at(copied // 1000000)
        with contextlib.suppress(BrokenPipeError):
            sink.close()


def _show_new_files(folder: Path) -> None:
    """Take out of .gitignore what the packaging adds to it: to ignore every new file."""
    ignored = folder / '.gitignore'
    if ignored.exists():
        text = ignored.read_text(encoding='utf-8')
        ignored.write_text(_PACKAGING.sub('\n', text), encoding='utf-8')


def commit(folder: Path, package: apt.Package) -> str:
    """Make an unpacked kernel a git repository with the one commit `base`."""
    git = Git(folder)
    _show_new_files(folder)
    git('init', '--quiet', '--template=', f'--initial-branch={BRANCH}')
    files = sum(len(names) for _, _, names in os.walk(folder)) - 10
    with Progress('committing the kernel', files, 'files') as progress:
        _add(git, files, progress)
        made = _commit(git, package)
    git('tag', 'base', made)
    git('update-ref', f'refs/heads/{BRANCH}', made)
    for pack in (git.folder / 'objects' / 'pack').glob('*.pack'):
        pack.with_suffix('.keep').touch()  # gc need not repack what never changes
    return made


def _add(git: Git, files: int, progress: Progress) -> None:
    # Files "bigger" than a byte go into one pack at once, instead of a
    # hundred thousand files with an object each.
    quick = ['-c', 'core.bigFileThreshold=1', '-c', 'core.compression=1']
    with Children() as children:
        child = children.start(['git', *quick, 'add', '--verbose', '--force', '.'],
                               git.environment(), cwd=git.tree)
        assert child.stdout is not None
        for number, _ in enumerate(child.stdout):
            progress.at(min(number, files))
        failed = children.failed()
    if failed:
        raise cli.CannotTest(f'git add failed in {git.tree}: is the disk full?')


def _commit(git: Git, package: apt.Package) -> str:
    makefile = git.tree / 'Makefile'
    version = version_of(makefile.read_text(encoding='utf-8', errors='replace')[:2000])
    name = package.file.name.partition('_')[0].partition('.tar')[0]
    date = f'@{int(makefile.stat().st_mtime)} +0000'
    who = {'NAME': name, 'EMAIL': 'base@localhost', 'DATE': date}
    identity = {f'GIT_{role}_{what}': value for role in ('AUTHOR', 'COMMITTER')
                for what, value in who.items()}
    return git('commit-tree', git('write-tree'), env=identity,
               stdin=f'Linux {version}\n\nThe source of {name} {package.version}.\n')
