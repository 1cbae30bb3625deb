# SPDX-License-Identifier: GPL-2.0
"""A series as it comes by mail: mbox, maildir, a folder of patches, one patch.

What cannot be applied is said before anything is built: a patch of the series
that is missing, a mail that was cut off, a binary change without its data.
"""

import email
import email.header
import email.utils
import re
import sys
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from coverage import CoverageError, diff
from coverage.diff import FileDiff

from . import cli
from .git import decode, encode

_SUBJECT = re.compile(r'^\s*(?:\[(?P<tags>[^\]]*)\])?\s*(?P<title>.*)$', re.DOTALL)
_FROM_LINE = re.compile(rb'^From \S.*\d\d:\d\d(?::\d\d)? .*\d{4}.*$', re.MULTILINE)
_ATTACHED = ('text/x-patch', 'text/x-diff', 'application/x-patch', 'text/x-c')


@dataclass
class PatchMail:
    """One patch: subject without its tags, who wrote it, what it says, and its diff."""
    subject: str
    author: str = ''
    address: str = ''
    date: str = ''
    message: str = ''
    text: str = ''
    number: int = 0
    total: int = 0
    version: int = 1
    where: str = ''
    files: List[FileDiff] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The patch as messages name it."""
        place = f'patch {self.number}/{self.total} ' if self.total else 'patch '
        return f"{place}'{self.subject}'"

    def as_mail(self) -> str:
        """A plain mail that git mailinfo reads the same way everywhere."""
        return (f'From: {self.author or "nobody"} <{self.address or "nobody@localhost"}>\n'
                f'Date: {self.date or "Thu, 1 Jan 1970 00:00:00 +0000"}\n'
                f'Subject: {self.subject}\nContent-Type: text/plain; charset=UTF-8\n'
                f'Content-Transfer-Encoding: 8bit\n\n{self.message.rstrip()}\n---\n\n{self.text}')


@dataclass
class Mails:
    """The patches in their order, and the cover letter's subject."""
    patches: List[PatchMail]
    title: str = ''
    notes: List[str] = field(default_factory=list)


def load(path: Path) -> Mails:
    """Read a series from wherever it is."""
    if str(path) == '-':
        raw = list(_messages(sys.stdin.buffer.read(), 'standard input'))
    else:
        raw = list(_raw(path))
    if not raw:
        raise cli.CannotTest(f'SERIES={path} holds no mail')
    mails = [one for where, data in raw for one in [_mail(data, where)] if one]
    if str(path) == '-' and len(mails) == 1:
        mails[0].number = mails[0].total = 1        # b4 sends one patch of a series at a time
    return _series(mails, str(path))


def _raw(path: Path) -> Iterator[Tuple[str, bytes]]:
    """The mails, each with where it is."""
    if not path.exists():
        raise cli.CannotTest(f'SERIES={path} does not exist')
    if path.is_dir():
        folders = [path / 'cur', path / 'new'] if (path / 'cur').is_dir() else [path]
        for file in sorted((file for folder in folders if folder.is_dir()
                            for file in folder.iterdir() if file.is_file()),
                           key=lambda file: file.name):
            if len(folders) > 1 or file.suffix in ('.patch', '.eml', '.mbox', '.mbx', '.diff'):
                yield from _split(file)
        return
    yield from _split(path)


def _split(file: Path) -> Iterator[Tuple[str, bytes]]:
    """The mails of one file: an mbox, or a single mail."""
    try:
        yield from _messages(file.read_bytes(), str(file))
    except OSError as cause:
        raise cli.CannotTest(f'SERIES: {file}: {cause.strerror}') from cause


def _messages(data: bytes, where: str) -> Iterator[Tuple[str, bytes]]:
    """The mails of an mbox."""
    starts = [found.start() for found in _FROM_LINE.finditer(data)
              if found.start() == 0 or data[:found.start()].endswith((b'\n\n', b'\n\r\n'))]
    if not starts or starts[0]:
        if data.strip():
            yield where, data
        return
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(data)]), 1):
        mail = data[data.index(b'\n', start) + 1:end]
        yield f'{where}, mail {number}', re.sub(rb'^>(>*From )', rb'\1', mail, flags=re.MULTILINE)


def from_text(text: str, where: str) -> Mails:
    """A series in one text, as git format-patch --stdout writes it."""
    found = [_mail(data, name) for name, data in _messages(encode(text), where)]
    return _series([mail for mail in found if mail], where)


def plain(text: str, subject: str) -> PatchMail:
    """A bare diff as a patch."""
    return _checked(PatchMail(subject, text=text))


def _mail(data: bytes, where: str) -> Optional[PatchMail]:
    """One mail; None for one that is no patch and no cover letter."""
    if re.match(rb'(?:diff --git |--- a/)', data):
        return _checked(PatchMail(Path(where).stem, text=_unix(decode(data)), where=where))
    message = email.message_from_bytes(data)
    subject = _header(message, 'Subject')
    if not subject:
        raise cli.CannotTest(f'{where} has no Subject: is it a mail?')
    found = _SUBJECT.match(' '.join(subject.split()))
    assert found
    tags = found.group('tags') or ''
    mail = PatchMail(found.group('title'), where=where)
    mail.author, mail.address = email.utils.parseaddr(_header(message, 'From'))
    mail.date = _header(message, 'Date')
    number = re.search(r'\b(\d+)/(\d+)\b', tags)
    version = re.search(r'\bv(\d+)\b', tags, re.IGNORECASE)
    if number:
        mail.number, mail.total = int(number.group(1)), int(number.group(2))
    mail.version = int(version.group(1)) if version else 1
    body, patch = _parts(message)
    mail.message, mail.text = _message_and_diff(body, patch)
    _not_cut_off(mail, body)
    if not mail.text and (re.match(r'(?:re|aw|fwd):', mail.subject, re.IGNORECASE)
                          or not (number and mail.number == 0)):
        if number and not re.match(r're:', subject.strip(), re.IGNORECASE):
            raise cli.CannotTest(f'{mail.label} holds no diff ({where}): was it cut off?')
        return None
    if re.match(r'(?:re|aw):', subject.strip(), re.IGNORECASE):
        return None
    return _checked(mail)


def _header(message: Message, name: str) -> str:
    """A header, decoded."""
    parts = email.header.decode_header(message.get(name, ''))
    text = ''
    for piece, charset in parts:
        if isinstance(piece, bytes):
            try:
                text += piece.decode(charset or 'utf-8', 'replace')
            except LookupError:
                text += piece.decode('utf-8', 'replace')
        else:
            text += piece
    return text


def _parts(message: Message) -> Tuple[str, str]:
    """The text of a mail, and a patch that is attached to it."""
    body, attached = '', ''
    for part in message.walk():
        if part.is_multipart():
            continue
        name = part.get_filename() or ''
        payload = part.get_payload(decode=True)
        data = payload if isinstance(payload, bytes) else b''
        if part.get_content_type() in _ATTACHED or name.endswith(('.patch', '.diff', '.txt')):
            attached += decode(data)
        elif part.get_content_type() == 'text/plain' and not body:
            charset = part.get_content_charset() or 'utf-8'
            try:
                body = decode(data) if charset in ('utf-8', 'us-ascii') else data.decode(charset)
            except (LookupError, UnicodeDecodeError):
                body = decode(data)
    return body, attached


_STAT = re.compile(r'^ (\d+) files? changed(?:, (\d+) insertions?\(\+\))?'
                   r'(?:, (\d+) deletions?\(-\))?$', re.MULTILINE)


def _not_cut_off(mail: PatchMail, body: str) -> None:
    """A mail that ends without git's signature must hold all that its diffstat says."""
    said = _STAT.search(_unix(body))
    at = _BEGIN.search(_unix(body))
    if not said or not at or said.start() > at.start() or '\n-- \n' in mail.text:
        return
    files = _checked(mail).files
    held = (len(files), sum(len(file.added) for file in files),
            sum(len(file.removed) for file in files))
    if any(few < int(many or 0) for few, many in zip(held, said.groups())):
        raise cli.CannotTest(f'{mail.label} holds less than its diffstat says '
                             f'({mail.where}): was it cut off?')


_BEGIN = re.compile(r'^(?:diff --git |diff -|--- a/|Index: |--- \S+\s.*\n\+\+\+ )', re.MULTILINE)


def _message_and_diff(body: str, attached: str) -> Tuple[str, str]:
    """Split the text at its diff; an attached patch may be a whole mail itself."""
    body = _unix(body)
    found = _BEGIN.search(body)
    if found:
        return _message(body[:found.start()]), body[found.start():]
    attached = _unix(attached)
    found = _BEGIN.search(attached)
    return _message(body), attached[found.start():] if found else ''


def _message(text: str) -> str:
    """What becomes the commit's message: up to the line '---'."""
    return re.split(r'^---\s*$', text, maxsplit=1, flags=re.MULTILINE)[0].strip()


def _unix(text: str) -> str:
    """Without the CRs that the mail's way put at the ends of all lines of it.

    A diff of a file that has CRLF itself has them in its rows only.
    """
    heads = re.findall(r'^(?:diff --git |--- |\+\+\+ |@@ ).*$', text, re.MULTILINE)
    if heads and all(head.endswith('\r') for head in heads):
        return text.replace('\r\n', '\n')
    return text if heads else text.replace('\r\n', '\n')


def _checked(mail: PatchMail) -> PatchMail:
    """Read the diff; what is wrong with it is named with the patch."""
    signature = mail.text.rfind('\n-- \n')
    if signature >= 0:
        mail.text = mail.text[:signature + 1]
    if mail.text and not mail.text.endswith('\n'):
        mail.text += '\n'
    try:
        mail.files = diff.parse(mail.text)
    except CoverageError as cause:
        raise cli.CannotTest(f'{mail.label}: {cause}') from cause
    for file in mail.files:
        if file.binary == 'named':
            raise cli.CannotTest(f'{mail.label} changes the binary file {file.path} without its '
                                 'data: ask for git format-patch --binary')
    if '\0' in mail.text:
        raise cli.CannotTest(f'{mail.label} holds a NUL byte: it is damaged')
    if mail.text and not mail.files:
        raise cli.CannotTest(f'{mail.label}: its diff cannot be read')
    return mail


def _series(found: List[PatchMail], where: str) -> Mails:
    """Put the patches in order; a missing one is an error."""
    newest = max((mail.version for mail in found), default=1)
    notes = []
    if any(mail.version < newest for mail in found):
        notes.append(f'older versions than v{newest} are left out')
    mails = [mail for mail in found if mail.version == newest]
    cover = [mail for mail in mails if not mail.text]
    patches = [mail for mail in mails if mail.text]
    if not patches:
        raise cli.CannotTest(f'SERIES={where} holds no patch')
    if all(mail.total for mail in patches):
        patches = _numbered(patches, where)
    for number, mail in enumerate(patches, 1):
        if not mail.total:
            mail.number, mail.total = number, len(patches)
    title = cover[0].subject if cover else patches[0].subject if len(patches) == 1 else where
    return Mails(patches, title, notes)


def _numbered(patches: List[PatchMail], where: str) -> List[PatchMail]:
    """Patches by the numbers in their subjects."""
    total = max(mail.total for mail in patches)
    by_number: Dict[int, PatchMail] = {}
    for mail in patches:
        known = by_number.setdefault(mail.number, mail)
        if known.text != mail.text:
            raise cli.CannotTest(f'SERIES={where} holds two different patches {mail.number}/'
                                 f'{total}: \'{known.subject}\' and \'{mail.subject}\'')
    missing = [number for number in range(1, total + 1) if number not in by_number]
    if missing:
        listed = ', '.join(f'{number}/{total}' for number in missing[:8])
        raise cli.CannotTest(f'SERIES={where} is not whole: {listed} '
                             f'{"is" if len(missing) == 1 else "are"} missing')
    return [by_number[number] for number in sorted(by_number)]
