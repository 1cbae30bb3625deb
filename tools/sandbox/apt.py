# SPDX-License-Identifier: GPL-2.0
"""A Debian package from the machine's mirror, by an apt of our own.

Lists, cache and sources file are under build/apt; of the machine's apt
configuration only the mirror's address, proxies and the like are used, and
nothing of it is changed.  The archive must be signed by Debian's keys.
"""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

from . import cli, paths, proc
from .children import Children
from .progress import Progress

FOLDER = paths.BUILD / 'apt'
_VERIFIED = FOLDER / 'verified'
_OWN_TREE = 'or give a git tree of your own: LINUX=DIR'


class Package(NamedTuple):
    """A package file and its version."""
    file: Path
    version: str


class Source(NamedTuple):
    """Where to look: a mirror and a suite."""
    mirror: str
    suite: str


class _Apt:
    """apt with its state in a folder of ours."""

    def __init__(self, folder: Path, keyring: str) -> None:
        self._folder = folder
        self._keyring = keyring
        self._conf = folder / 'apt.conf'
        for name in ('lists/partial', 'archives/partial'):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / 'status').touch()
        where = str(folder).replace('\\', '\\\\').replace('"', '\\"')
        self._conf.write_text(f'''\
Dir::State "{where}";
Dir::State::lists "{where}/lists";
Dir::State::status "{where}/status";
Dir::Cache "{where}";
Dir::Cache::archives "{where}/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "{where}/mirror.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
''', encoding='utf-8')

    def command(self, program: str, *arguments: str) -> List[str]:
        """A command line of this apt."""
        return [program, '-c', str(self._conf), '-q', *arguments]

    def update(self, source: Source) -> str:
        """Read what a suite holds; the complaint, '' when it went well."""
        architecture = proc.output(['dpkg', '--print-architecture']).strip()
        (self._folder / 'mirror.sources').write_text(f'''\
Types: deb
URIs: {source.mirror}
Suites: {source.suite}
Components: main
Architectures: {architecture}
Targets: Packages
Signed-By: {self._keyring}
''', encoding='utf-8')
        with Children() as children:
            child = children.start(self.command('apt-get', 'update'), proc.environment(),
                                   stderr=subprocess.STDOUT)
            said = child.communicate()[0].decode('utf-8', 'replace')
        if child.returncode == 0:
            return ''
        complaint = re.search(r'^E: (.*)$', said, re.MULTILINE)
        return complaint.group(1) if complaint else 'apt-get update failed'

    def facts(self, package: str) -> List[str]:
        """[version, size] of the newest version of a package; empty when there is none."""
        done = subprocess.run(self.command('apt-cache', 'show', '--no-all-versions', package),
                              env=proc.environment(), stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        found = dict(line.partition(': ')[::2] for line in done.stdout.splitlines())
        return [found['Version'], found['Size']] if 'Version' in found else []

    def kernels(self) -> List[str]:
        """The kernel source packages of the suite that was read last."""
        listed = proc.output(self.command('apt-cache', 'pkgnames', 'linux-source-'))
        return sorted(name for name in listed.split()
                      if re.fullmatch(r'linux-source-[0-9.]+', name))


def mirrors() -> List[str]:
    """Where this machine gets its Debian packages, most likely first.

    The addresses come from what apt-get update would read, which is known
    before the first update, too.  A wrong one does no harm: what it serves is
    not signed by Debian.
    """
    try:
        listed = proc.output(['apt-get', 'update', '--print-uris'])
    except cli.CannotTest:
        return []
    found = dict.fromkeys(re.findall(r"^'(\S+?)/dists/\S+/InRelease'", listed, re.MULTILINE))
    usable = [mirror for mirror in found if not mirror.endswith('-security')]
    return sorted(usable, key=lambda mirror: not mirror.endswith('/debian'))


def fetch(package: str, suites: Sequence[str], keyring: str) -> Package:
    """Download the newest version of a package from the first suite that has it."""
    candidates = mirrors()
    if not candidates:
        raise cli.CannotTest(f'no Debian mirror is known to apt-get on this machine: '
                             f'install {package} by hand (/usr/src), {_OWN_TREE}')
    if not os.access(keyring, os.R_OK):
        raise cli.CannotTest(f'{keyring} is missing: apt-get install debian-archive-keyring, '
                             f'{_OWN_TREE}')
    apt = _Apt(FOLDER, keyring)
    complaints: List[str] = []
    kernels: List[str] = []
    for source in (Source(mirror, suite) for mirror in candidates for suite in suites):
        cli.say(f'looking for {package} in {source.suite}')
        complaint = apt.update(source)
        if complaint:
            complaints.append(complaint)
            continue
        facts = apt.facts(package)
        if facts:
            return _download(apt, package, facts[0], int(facts[1]))
        kernels += [f'{name} ({source.suite})' for name in apt.kernels()]
    if kernels:
        raise cli.CannotTest(f'the mirror has no {package} any more, but '
                             f'{", ".join(dict.fromkeys(kernels))}: name one in linux/base.conf, '
                             f'{_OWN_TREE}')
    kept = _kept(package)
    if kept:
        cli.say(f'no network ({complaints[0]}): using {package} {kept.version}, '
                'downloaded before')
        return kept
    raise cli.CannotTest(f'cannot read the Debian mirror ({complaints[0]}): is there a network? '
                         f'Else install {package} by hand (/usr/src), {_OWN_TREE}')


def _download(apt: _Apt, package: str, version: str, size: int) -> Package:
    """Download a package, going on where a killed download stopped."""
    folder = FOLDER / 'download'
    folder.mkdir(exist_ok=True)
    _VERIFIED.unlink(missing_ok=True)
    name = f'{package}_{version.replace(":", "%3a")}_'
    for stale in folder.iterdir():
        if not stale.name.startswith(name):
            stale.unlink()
    with Progress(f'downloading {package} {version}', size // 1000000, 'MB') as progress:
        with open(FOLDER / 'download.log', 'wb') as log, Children() as children:
            child = children.start(apt.command('apt-get', 'download', f'{package}={version}'),
                                   proc.environment(), stdout=log, stderr=log, cwd=folder)
            while child.poll() is None:
                time.sleep(0.1)
                progress.at(sum(file.stat().st_size for file in folder.iterdir()) // 1000000)
        found = list(folder.glob('*.deb'))
        if child.returncode or len(found) != 1:
            text = (FOLDER / 'download.log').read_text(encoding='utf-8', errors='replace')
            complaints = re.findall(r'^E: (.*)$', text, re.MULTILINE) or ['no message']
            raise cli.CannotTest(f'downloading {package}: {complaints[0]}; '
                                 'the same command again goes on from there')
    _VERIFIED.write_text(f'{found[0].name}\n{version}\n', encoding='utf-8')
    return Package(found[0], version)


def _kept(package: str) -> Optional[Package]:
    """The package as apt verified it once, for when there is no network."""
    try:
        name, version = _VERIFIED.read_text(encoding='utf-8').split()
    except (OSError, ValueError):
        return None
    file = FOLDER / 'download' / name
    return Package(file, version) if name.startswith(f'{package}_') and file.exists() else None
