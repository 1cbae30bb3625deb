# SPDX-License-Identifier: GPL-2.0
"""Reports of reviews as they are to stay, in tests/golden: the mail, and the class of each line.

What changes from day to day is taken out: versions, numbers of patches, cases and
objects, which cases fail, and where in a file a line stands. A line is named by the
block of added lines it is in and its place there: '2+3' is the third of the second.

GOLDEN=write in the environment writes the files instead of comparing.
"""

import difflib
import os
import re
import unittest
from pathlib import Path
from typing import Any, Dict, List

FOLDER = Path(__file__).resolve().parent / 'golden'
Facts = Dict[str, Any]
Texts = Dict[str, List[str]]


def check(test: unittest.TestCase, name: str, mail: str, facts: Facts, texts: Texts) -> None:
    """Compare a review with its golden file; texts: the lines of the files as tested."""
    places = _places(facts)
    found = f'{_mail(mail, places)}\n\n{_classes(facts, texts, places)}\n'
    file = FOLDER / f'{name}.txt'
    if os.environ.get('GOLDEN') == 'write':
        FOLDER.mkdir(exist_ok=True)
        file.write_text(found, encoding='utf-8')
    differs = list(difflib.unified_diff(file.read_text(encoding='utf-8').splitlines(),
                                        found.splitlines(), file.name, 'found', lineterm=''))
    if differs:
        test.fail('\n'.join(['GOLDEN=write would write:', *differs]))


def _places(facts: Facts) -> Dict[str, Dict[int, str]]:
    """For each line that patches added, block and place in it."""
    numbers: Dict[str, List[int]] = {}
    for patch in facts['patches']:
        for path, lines in patch['files'].items():
            numbers.setdefault(path, []).extend(int(number) for number in lines)
    found: Dict[str, Dict[int, str]] = {}
    for path, added in numbers.items():
        block, first, last = 0, 0, -1
        for number in sorted(added):
            if number != last + 1:
                block, first = block + 1, number
            last = number
            found.setdefault(path, {})[number] = f'{block}+{number - first + 1}'
    return found


def _mail(mail: str, places: Dict[str, Dict[int, str]]) -> str:
    """The mail with each paragraph unwrapped as far as it is prose."""
    head, _, rest = mail.rstrip().partition('\n\n')
    text = '\n\n'.join([' '.join(head.split()), re.sub(r'\n    (?=\S)', ' ', rest)])
    for pattern, instead in (
            (r'linux \S+ \+ \d+ patches', 'linux V + N patches'), (r'gcc [\d.]+', 'gcc V'),
            (r'\d+ KUnit cases pass( \(\d+ skipped\))?', 'N KUnit cases pass'),
            (r'(breaks) .*( \(mended)', r'\1 CASES\2')):
        text = re.sub(pattern, instead, text)

    def place(found: 're.Match[str]') -> str:
        path, first, last = found.groups()
        known = places.get(path, {})
        ends = [known.get(int(number), 'elsewhere') for number in (first, last) if number]
        return f'{path}:{" to ".join(ends)}'
    return re.sub(r'(\w[\w./-]*\.[chS]):(\d+)(?:-(\d+))?', place, text)


def _classes(facts: Facts, texts: Texts, places: Dict[str, Dict[int, str]]) -> str:
    """A line each: place, class, text, reason."""
    rows = []
    for patch in facts['patches']:
        rows.append(f'{patch["number"]}/{len(facts["patches"])} {patch["subject"]}')
        for path, lines in patch['files'].items():
            rows.append(f'  {path}')
            for number, line in lines.items():
                known = places[path]
                reason = re.sub(r'\bline (\d+)', lambda found: 'line ' + known.get(
                    int(found.group(1)), 'elsewhere'), line.get('reason', ''))
                reason = re.sub(r'the \d+ of \d+ objects', 'the N of M objects', reason)
                shown = line['class'] + (', moved' if line.get('moved') else '')
                text = texts[path][int(number) - 1].expandtabs(4).strip()
                rows.append(f'    {known[int(number)]:<6}{shown:<22}{text}'.rstrip()
                            + (f'  [{reason}]' if reason else ''))
    return '\n'.join(rows)
