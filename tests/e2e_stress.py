#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tools/stress with a real kernel: memory holds, and what is spoiled on purpose is found."""

import shutil
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tools'))

from sandbox import boot, configs, kbuild, provision, stressrun  # noqa: E402
from sandbox.guestrun import Guest  # noqa: E402
from sandbox.stressrun import Stress  # noqa: E402

DAMAGED = 60


class Guests(unittest.TestCase):
    """Boots of the configuration guest."""

    build: kbuild.Build

    @classmethod
    def setUpClass(cls) -> None:
        cls.build = kbuild.build(provision.tree(), configs.load('guest'))

    def stress(self, *words: str) -> Stress:
        """The program with more options."""
        folder = Path(tempfile.mkdtemp(prefix='e2e-stress-'))
        self.addCleanup(shutil.rmtree, folder)
        return Stress(Guest(self.build.linux, folder / 'root'), folder, boot.Limits(), words)

    def test_memory_holds_in_each_mode(self) -> None:
        for mode in ('single', 'threads', 'shared'):
            verdict = stressrun.judge(self.stress('steps=100').soak(5, 60, 1, mode, None))
            self.assertEqual((mode, verdict.rounds, verdict.failure), (mode, 1, None))

    def test_the_same_seed_does_the_same(self) -> None:
        stress = self.stress('steps=100', 'verbose=1')
        traces = [[line for line in stress.soak(7, 60, 1, 'single', None).lines
                   if line.startswith('stress: step') and 'refused' not in line]
                  for _ in range(2)]
        self.assertGreater(len(traces[0]), 50)
        places = [[line.split()[2:4] for line in trace] for trace in traces]
        self.assertEqual(places[0][:20], places[1][:20])

    def test_a_spoiled_page_is_found_and_the_replay_is_short(self) -> None:
        stress = self.stress(f'damage={DAMAGED}')
        failure = stressrun.judge(stress.soak(5, 60, 1, 'single', None)).failure
        assert failure
        self.assertEqual(failure.kind, stressrun.MISMATCH)
        assert failure.step is not None
        self.assertGreaterEqual(failure.step, DAMAGED)
        shrunk = stressrun.shortest(stress, failure, 60, None)
        self.assertTrue(shrunk.again)
        self.assertIn(DAMAGED, shrunk.steps)
        self.assertLess(len(shrunk.steps), 30)


if __name__ == '__main__':
    unittest.main()
