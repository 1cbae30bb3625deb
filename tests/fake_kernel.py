# SPDX-License-Identifier: GPL-2.0
"""A repository like ours with a kernel of a few files, for the tests of the tools.

The kernel comes as a Debian package from a mirror in a folder, signed by a
key made here, so that the whole way is tested without a network.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Dict, List, Mapping, Optional

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = 'linux-source-7.3'
VERSION = '7.3.4-1'

MM = ''.join(f'int function_{number}(void)\n{{\n\treturn {number};\n}}\n\n' for number in range(40))
KERNEL = {
    'Makefile': '# SPDX\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\nNAME = Fake\n',
    'Kbuild': '# top\n', 'mm/Kconfig': '# mm\n', 'mm/Makefile': 'obj-y := vma.o\n',
    'mm/vma.c': MM, 'mm/tests/some_kunit.c': '/* a test */\n', 'lib/crlf.txt': 'one\r\ntwo\r\n',
    '.gitignore': '*.o\n', 'arch/um/ignored.o': 'in the package, though ignored\n',
}
# What the packaging adds to .gitignore.
PACKAGING = '\n#\n# Debian packaging: as in the package\n#\n/*\n!/debian/\n'
QUIET = {'GIT_CONFIG_GLOBAL': os.devnull, 'GIT_CONFIG_NOSYSTEM': '1',
         'GIT_AUTHOR_NAME': 'A Tester', 'GIT_AUTHOR_EMAIL': 'tester@example.org',
         'GIT_COMMITTER_NAME': 'A Tester', 'GIT_COMMITTER_EMAIL': 'tester@example.org'}


def sh(*command: str, cwd: Optional[Path] = None, stdin: Optional[bytes] = None,
       **env: str) -> str:
    """Run a command that must succeed; what it prints."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **QUIET, **env}, input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise AssertionError(f'{command}: {done.stderr.decode(errors="replace")}')
    return done.stdout.decode('utf-8', 'surrogateescape')


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files with their folders."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def make_package(folder: Path, name: str = PACKAGE, version: str = VERSION) -> Path:
    """A kernel source package like Debian's."""
    top = f'linux-source-{name.rpartition("-")[2]}'
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        write(work / top, {**KERNEL, '.gitignore': KERNEL['.gitignore'] + PACKAGING})
        write(work / 'deb', {'DEBIAN/control': f'Package: {name}\nVersion: {version}\n'
                             'Architecture: all\nMaintainer: Nobody <nobody@localhost>\n'
                             'Description: a kernel for tests\n', 'usr/src/README': 'see above\n'})
        sh('tar', '-cJf', str(work / 'deb' / 'usr' / 'src' / f'{top}.tar.xz'),
           '--mtime=@1700000000', '-C', str(work), top)
        sh('dpkg-deb', '--build', '-Znone', str(work / 'deb'), str(folder))
    return next(folder.glob(f'{name}_*.deb'))


class Mirror:
    """A Debian archive in a folder, and a key that signs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / 'debian'
        self.keyring = folder / 'keyring.gpg'
        self._home = folder / 'gnupg'
        self._home.mkdir(mode=0o700)
        self._gpg('--quick-gen-key', 'test', 'ed25519', 'sign', 'never')
        self._gpg('--output', str(self.keyring), '--export')

    def _gpg(self, *arguments: str, stdin: Optional[bytes] = None) -> str:
        return sh('gpg', '--batch', '--yes', '--passphrase', '', '--pinentry-mode', 'loopback',
                  '--homedir', str(self._home), *arguments, stdin=stdin)

    def close(self) -> None:
        """End the key's agent."""
        sh('gpgconf', '--homedir', str(self._home), '--kill', 'all')

    def publish(self, packages: List[Path], suite: str = 'trixie-backports') -> None:
        """Make a suite of packages."""
        pool = self.folder / 'pool'
        pool.mkdir(parents=True, exist_ok=True)
        entries = []
        for package in packages:
            data = package.read_bytes()
            shutil.copy(package, pool)
            control = sh('dpkg-deb', '-f', str(package)).strip()
            entries.append(f'{control}\nFilename: pool/{package.name}\nSize: {len(data)}\n'
                           f'SHA256: {hashlib.sha256(data).hexdigest()}\n')
        architecture = sh('dpkg', '--print-architecture').strip()
        listing = '\n'.join(entries).encode()
        where = f'main/binary-{architecture}/Packages'
        path = self.folder / 'dists' / suite / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(listing)
        release = (f'Origin: Debian\nLabel: Debian\nSuite: {suite}\nCodename: {suite}\n'
                   f'Architectures: {architecture}\nComponents: main\n'
                   'Date: Sat, 01 Nov 2025 00:00:00 UTC\nSHA256:\n'
                   f' {hashlib.sha256(listing).hexdigest()} {len(listing)} {where}\n')
        signed = self._gpg('--clearsign', stdin=release.encode())
        (self.folder / 'dists' / suite / 'InRelease').write_text(signed, encoding='utf-8')


class Repository:
    """A copy of the tools in a folder with a fake kernel behind them.

    mirror: where the kernel comes from.  like: copy this one, with its tree.
    """

    def __init__(self, folder: Path, mirror: Optional[Mirror] = None,
                 like: Optional['Repository'] = None) -> None:
        self.root = folder / 'a repository'
        self.src = self.root / 'linux' / 'src'
        self.machine = folder / 'machine'
        self.use_mirror(f'file:{mirror.folder}' if mirror else '')
        if like:
            shutil.copytree(like.root, self.root, symlinks=True)
            self.git('update-index', '-q', '--refresh')
            return
        shutil.copytree(ROOT / 'tools' / 'sandbox', self.root / 'tools' / 'sandbox',
                        ignore=shutil.ignore_patterns('__pycache__'))
        for name in ('linux', 'series'):
            shutil.copy(ROOT / 'tools' / name, self.root / 'tools' / name)
        write(self.root, {'kunit-suites/Kconfig': '# suites\n'})
        keyring = mirror.keyring if mirror else '/nonexistent'
        write(self.root, {'linux/base.conf': f'package = {PACKAGE}\n'
                          'suites = trixie-backports sid\n'
                          f'version = {VERSION}\nkeyring = {keyring}\n'})

    def use_mirror(self, address: str) -> None:
        """Let the machine's own apt know this mirror, and no other."""
        write(self.machine, {
            'sources.list': f'deb {address} bookworm main\n' if address else '',
            'apt.conf': f'Dir::Etc::sourcelist "{self.machine}/sources.list";\n'
                        'Dir::Etc::sourceparts "/dev/null";\n'})

    def use_installed(self, folder: Path) -> None:
        """Let the kernel's package be installed in this folder instead of /usr/src."""
        self.use_mirror('')
        base = self.root / 'tools' / 'sandbox' / 'base.py'
        base.write_text(base.read_text().replace("Path('/usr/src')", f"Path('{folder}')"))

    def environment(self, **more: str) -> Dict[str, str]:
        """The environment of a tool."""
        return {**os.environ, **QUIET, 'APT_CONFIG': str(self.machine / 'apt.conf'), **more}

    def tool(self, name: str, *arguments: str, status: int = 0) -> str:
        """Run a tool that must end with a status; what it says, stdout first."""
        done = subprocess.run([str(self.root / 'tools' / name), *arguments], text=True,
                              cwd=self.root, env=self.environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, errors='surrogateescape', check=False)
        said = done.stdout + done.stderr
        if done.returncode != status:
            raise AssertionError(f'{name} {arguments}: status {done.returncode}, '
                                 f'not {status}:\n{said}')
        if status == 2 and not done.stderr.strip().splitlines()[-1].startswith(f'tools/{name}: '):
            raise AssertionError(f'the last line is no complaint:\n{said}')
        return said

    def start(self, name: str, *arguments: str) -> 'subprocess.Popen[str]':
        """Start a tool in a process group of its own."""
        return subprocess.Popen([str(self.root / 'tools' / name), *arguments], text=True,
                                cwd=self.root, env=self.environment(), start_new_session=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def git(self, *arguments: str, stdin: Optional[bytes] = None, **env: str) -> str:
        """git in linux/src."""
        return sh('git', *arguments, cwd=self.src, stdin=stdin, **env).rstrip('\n')

    def commit(self, message: str, files: Mapping[str, str], **env: str) -> str:
        """Commit files in linux/src."""
        write(self.src, files)
        self.git('add', '--all')
        self.git('commit', '--quiet', '--cleanup=verbatim', '--file=-', stdin=message.encode(),
                 **env)
        return self.git('rev-parse', 'HEAD')

    def patches(self) -> Dict[str, bytes]:
        """linux/series and all patch files."""
        found = {'series': (self.root / 'linux' / 'series').read_bytes()}
        for path in sorted((self.root / 'linux' / 'patches').rglob('*')):
            if path.is_file():
                found[str(path.relative_to(self.root / 'linux' / 'patches'))] = path.read_bytes()
        return found


def example(repository: Repository) -> None:
    """Two topics, three patches, committed and exported."""
    repository.tool('linux')
    repository.commit('mm: one\n\nWhy.\n\nTopic: small\n', {'mm/vma.c': edited(3, 'return -3;')})
    repository.commit('mm: two\n\nTopic: large\n', {'mm/new.c': 'int new;\n'})
    repository.commit('mm: three\n\nTopic: large\n', {'mm/new.c': 'int newer;\n'})
    repository.tool('series')


def edited(number: int, text: str) -> str:
    """mm/vma.c with one of its functions changed."""
    return MM.replace(f'return {number};', text)
