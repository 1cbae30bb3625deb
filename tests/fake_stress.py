#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A kernel that runs the stress program, as tools/stress sees it: a console.

What it does is in behaviour.json two folders up: the steps that fail when all
of them are run, and a line to say instead, or to say nothing.
"""

import json
import sys
import time
from pathlib import Path


def main() -> None:
    """Print what the guest would."""
    words = dict(word.partition('=')[::2] for word in sys.argv[1:])
    behaviour = json.loads((Path(__file__).parents[1] / 'behaviour.json').read_text())
    steps = set(range(300))
    if 'list' in words:
        steps.clear()
        for part in (Path(words['rootflags']) / 'steps').read_text().split(','):
            first, _, last = part.strip().partition('-')
            steps |= set(range(int(first), int(last or first) + 1))
    print(f'stress: round 0 seed={words["seed"]} mode={behaviour.get("mode", "single")}')
    if words.get('verbose') == '1':
        for step in sorted(steps):
            print(f'stress: step {step} store {step}+1')
    needed = behaviour['needed']
    if set(needed) <= steps:
        print(behaviour.get('line') or
              f'stress: FAILED step {max(needed)} store 1+1: page 1 is bad')
        sys.stdout.flush()
        if behaviour.get('hang'):
            time.sleep(600)
        if not behaviour.get('dies'):
            print('guest: exited 1')
    else:
        print('stress: held in 1 rounds of 300 steps')
        print('guest: exited 0')


main()
