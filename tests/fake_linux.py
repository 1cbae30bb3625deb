#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Stands in for a kernel: runs made-up KUnit suites, and misbehaves as told.

'behaviour.json' in the folder above says how: suites (name to cases), log (a
file to print instead of running everything), and do (suite.case to what
happens in it: panic, hang, deaf, child, flood, drip, exit, splat).
"""

import fnmatch
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List


def say(text: str) -> None:
    """The console."""
    print(text, flush=True)


def misbehave(how: str) -> None:
    """Do one wrong thing."""
    if how == 'panic':
        say('Kernel panic - not syncing: on purpose')
        os.abort()
    if how == 'exit':
        sys.exit(3)
    if how == 'splat':
        say('WARNING: mm/vma.c:812 at vma_merge_new_range+0x1e/0x40')
    if how in ('deaf', 'child'):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if how == 'child':
        subprocess.Popen([sys.executable, __file__, 'child'])
    while how == 'flood':
        say('flood ' * 50)
    while how == 'drip':
        say('drip')
        time.sleep(0.1)
    if how in ('hang', 'deaf', 'child'):
        time.sleep(1000)


def run(suites: Dict[str, List[str]], todo: Dict[str, str]) -> None:
    """Print what KUnit prints."""
    say(f'KTAP version 1\n1..{len(suites)}')
    for number, (suite, cases) in enumerate(suites.items(), 1):
        say(f'    KTAP version 1\n    # Subtest: {suite}\n    1..{len(cases)}')
        for place, case in enumerate(cases, 1):
            misbehave(todo.get(f'{suite}.{case}', ''))
            say(f'    ok {place} {case}')
        say(f'ok {number} {suite}')


def main(arguments: List[str]) -> None:
    """Boot, as the arguments say."""
    if arguments == ['child']:
        time.sleep(1000)
    given = dict(argument.partition('=')[::2] for argument in arguments)
    behaviour = json.loads((Path(__file__).resolve().parent.parent / 'behaviour.json').read_text())
    suite_glob, _, case_glob = given.get('kunit.filter_glob', '*').partition('.')
    suites = {suite: [case for case in cases if fnmatch.fnmatchcase(case, case_glob or '*')]
              for suite, cases in behaviour['suites'].items()
              if fnmatch.fnmatchcase(suite, suite_glob)}
    suites = {suite: cases for suite, cases in suites.items() if cases}
    if 'kunit.shuffle' in given:
        order = random.Random(given['kunit.shuffle'])
        names = sorted(suites)
        order.shuffle(names)
        suites = {name: order.sample(suites[name], len(suites[name])) for name in names}
    say('Linux version 7.3.4 (fake)')
    (Path(given['uml_dir']) / 'u').mkdir()
    if given.get('kunit.action') == 'list':
        say('KTAP version 1')
        for suite, cases in suites.items():
            say('\n'.join([suite, *(f'{suite}.{case}' for case in cases)]))
    elif behaviour.get('log') and 'kunit.filter_glob' not in given:
        sys.stdout.write(Path(behaviour['log']).read_text(encoding='utf-8'))
        sys.stdout.flush()
        if 'panic' in behaviour['log']:
            os.abort()
        sys.exit()
    else:
        run(suites, behaviour.get('do', {}))
    say('reboot: System halted')


main(sys.argv[1:])
