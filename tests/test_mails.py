#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A series by mail, as it comes and as it should not."""

import base64
import mailbox
import quopri
import shutil
import sys
import tempfile
import unittest
from email.message import EmailMessage
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools')]

from sandbox import cli, mails  # noqa: E402

DIFF = '''\
diff --git a/mm/vma.c b/mm/vma.c
index 1111111..2222222 100644
--- a/mm/vma.c
+++ b/mm/vma.c
@@ -1,3 +1,4 @@
 one
+a = "façade = x";
 two
 three
'''


def patch(number: int, total: int = 3, prefix: str = 'PATCH', text: str = DIFF) -> str:
    """A mail as git format-patch writes it."""
    return (f'From {"1" * 40} Mon Sep 17 00:00:00 2001\nFrom: A Tester <t@example.org>\n'
            f'Date: Wed, 1 Apr 2026 10:00:00 +0200\nSubject: [{prefix} {number}/{total}] mm: step '
            f'{number}\n\nBecause.\n---\n mm/vma.c | 1 +\n\n{text}-- \n2.39.0\n\n')


class Mails(unittest.TestCase):
    """Each form of a series."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def load(self, *texts: str) -> mails.Mails:
        path = self.folder / 'series.mbox'
        path.write_bytes(''.join(texts).encode())
        return mails.load(path)

    def refused(self, pattern: str, *texts: str) -> None:
        with self.assertRaisesRegex(cli.CannotTest, pattern) as caught:
            self.load(*texts)
        self.assertNotIn('\n', str(caught.exception))

    def subjects(self, found: mails.Mails) -> List[str]:
        for mail in found.patches:
            self.assertEqual(mail.files[0].added, {2: 'a = "façade = x";'})
            self.assertEqual((mail.author, mail.message), ('A Tester', 'Because.'))
        return [mail.subject for mail in found.patches]

    def test_mbox_in_wrong_order_with_cover_and_reply(self) -> None:
        cover = patch(0, text='').replace('mm: step 0', 'mm: everything')
        reply = patch(1).replace('[PATCH 1/3]', 'Re: [PATCH 1/3]').replace('\n+', '\n> +')
        found = self.load(patch(3), cover, reply, patch(1), patch(2))
        self.assertEqual(self.subjects(found), ['mm: step 1', 'mm: step 2', 'mm: step 3'])
        self.assertEqual(found.title, 'mm: everything')

    def test_newest_version(self) -> None:
        found = self.load(patch(1, 1), patch(1, 2, 'PATCH v2'), patch(2, 2, 'PATCH v2'))
        self.assertEqual(len(found.patches), 2)
        self.assertEqual(found.notes, ['older versions than v2 are left out'])

    def test_missing(self) -> None:
        self.refused('is not whole: 2/3 is missing', patch(1), patch(3))
        self.refused('is not whole: 2/5, 4/5, 5/5 are missing', patch(1, 5), patch(3, 5))

    def test_two_of_a_number(self) -> None:
        self.refused('two different patches 1/1', patch(1, 1),
                     patch(1, 1, text=DIFF.replace('one', 'uno')))

    def test_encodings(self) -> None:
        """Quoted-printable, base64, and an attachment come to the same."""
        body = f'Because.\n---\n\n{DIFF}'.encode()
        for name, encoded in (('quoted-printable', quopri.encodestring(body)),
                              ('base64', base64.encodebytes(body))):
            head = patch(1, 1).partition('\n\n')[0]
            found = self.load(f'{head}\nContent-Type: text/plain; charset=UTF-8\n'
                              f'Content-Transfer-Encoding: {name}\n\n{encoded.decode()}\n')
            self.assertEqual(self.subjects(found), ['mm: step 1'], name)
        message = EmailMessage()
        message['From'], message['Subject'] = 'A Tester <t@example.org>', '[PATCH] mm: step 1'
        message.set_content('Because.\n')
        message.add_attachment(DIFF.encode(), maintype='text', subtype='x-patch',
                               filename='1.patch')
        (self.folder / 'one.eml').write_bytes(bytes(message))
        self.assertEqual(self.subjects(mails.load(self.folder / 'one.eml')), ['mm: step 1'])

    def test_encoded_subject(self) -> None:
        found = self.load(patch(1, 1).replace('mm: step 1', '=?UTF-8?q?mm:_gr=C3=B6=C3=9Fer?='))
        self.assertEqual(found.patches[0].subject, 'mm: größer')

    def test_crlf(self) -> None:
        """CRs of the mail's way go; those of the file's own rows stay."""
        found = self.load(patch(1, 1).replace('\n', '\r\n'))
        self.assertEqual(self.subjects(found), ['mm: step 1'])
        own = self.load(patch(1, 1, text=DIFF.replace('\n+a = ', '\n+\r\n+a = ').replace(
            '+1,4', '+1,5')))
        self.assertEqual(own.patches[0].files[0].added[2], '\r')

    def test_maildir_and_folder(self) -> None:
        box = mailbox.Maildir(str(self.folder / 'maildir'))
        for number in (2, 1):
            box.add(patch(number, 2).partition('\n')[2].encode())
        self.assertEqual(self.subjects(mails.load(self.folder / 'maildir')),
                         ['mm: step 1', 'mm: step 2'])
        patches = self.folder / 'patches'
        patches.mkdir()
        for number in (1, 2):
            (patches / f'000{number}-x.patch').write_text(patch(number, 2))
        (patches / 'notes.txt').write_text('nothing')
        self.assertEqual(self.subjects(mails.load(patches)), ['mm: step 1', 'mm: step 2'])
        shutil.rmtree(patches)

    def test_bare_diff(self) -> None:
        (self.folder / 'fix.diff').write_text(DIFF)
        found = mails.load(self.folder / 'fix.diff')
        self.assertEqual((found.patches[0].subject, found.patches[0].number), ('fix', 1))

    def test_from_in_the_message(self) -> None:
        """A line 'From ...' of the text begins no mail; mboxrd's '>From' loses its sign."""
        text = patch(1, 1).replace('Because.', 'Because.\n\nFrom here on it is\n>From there')
        self.assertEqual(self.load(text).patches[0].message,
                         'Because.\n\nFrom here on it is\nFrom there')

    def test_broken(self) -> None:
        """Each is named in one line."""
        whole = patch(1, 1)
        self.refused(r"patch 1/1 'mm: step 1': mm/vma.c, hunk 1 is cut off",
                     whole[:whole.index(' three')])
        self.refused('holds no diff .*: was it cut off', whole[:whole.index('diff --git')])
        stat = ' mm/vma.c | 2 ++\n 2 files changed, 2 insertions(+)\n'
        whole_stat = whole.replace(' mm/vma.c | 1 +\n', stat)
        self.assertEqual(len(self.load(whole_stat).patches), 1)         # somebody edited it
        self.refused('holds less than its diffstat says .*: was it cut off',
                     whole_stat[:whole_stat.index('-- \n2.39')])
        self.refused('holds a NUL byte', whole.replace('fa', '\0'))
        self.refused('changes the binary file x.bin without its data',
                     patch(1, 1, text='diff --git a/x.bin b/x.bin\nBinary files a/x.bin and '
                                      'b/x.bin differ\n'))
        self.refused('hunk 1 is damaged', patch(1, 1, text=DIFF.replace(' two', 'two')))
        self.refused('holds no mail', '')
        self.refused('has no Subject', 'hello\n')
        with self.assertRaisesRegex(cli.CannotTest, 'does not exist'):
            mails.load(self.folder / 'absent.mbox')


if __name__ == '__main__':
    unittest.main()
