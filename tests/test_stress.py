# SPDX-License-Identifier: GPL-2.0
"""tools/stress without a kernel: the verdict on a console, and the search for a short replay."""

import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from typing import List, Optional, Sequence, Set

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'tools'))

from sandbox import boot, cli, shrink, stressrun  # noqa: E402
from sandbox.guestrun import Ended, Guest  # noqa: E402
from sandbox.stressrun import Failure, Stress  # noqa: E402


class Lists(unittest.TestCase):
    """Lists of steps as they are written."""

    def test_written_and_read_again(self) -> None:
        for steps in [[0], [1, 2, 3], [3, 5, 6, 9], list(range(300))]:
            self.assertEqual(shrink.numbers(shrink.written(steps)), steps)
        self.assertEqual(shrink.written([0, 1, 2, 7, 9, 10]), '0-2,7,9-10')

    def test_order_and_doubles_do_not_matter(self) -> None:
        self.assertEqual(shrink.numbers('9, 3-5,4'), [3, 4, 5, 9])

    def test_nonsense_is_refused(self) -> None:
        for text in ['x', '3-', '5-3', '1,,2', '-4']:
            with self.assertRaises(cli.CannotTest):
                shrink.numbers(text)


class Shrinking(unittest.TestCase):
    """The search, with failures that need known steps."""

    def setUp(self) -> None:
        self.trials = 0

    def shrunk(self, needed: Set[int], total: int = 100, most: int = 10000) -> List[int]:
        """Shrink with a failure that takes all of `needed`, in at most so many trials."""
        def trial(steps: Sequence[int]) -> Optional[Sequence[int]]:
            self.trials += 1
            self.assertEqual(list(steps), sorted(set(steps)))
            return steps if needed <= set(steps) else None
        return shrink.shrink(range(total), trial, lambda: self.trials < most)

    def test_only_the_needed_steps_stay(self) -> None:
        for needed in [{0}, {99}, {41}, {3, 17, 40}, {0, 99}, {10, 11, 12, 80}]:
            self.assertEqual(self.shrunk(set(needed)), sorted(needed))

    def test_few_trials_for_few_steps_of_many(self) -> None:
        self.assertEqual(self.shrunk({250, 299}, total=300), [250, 299])
        self.assertLess(self.trials, 80)

    def test_all_are_needed(self) -> None:
        self.assertEqual(self.shrunk(set(range(8)), total=8), list(range(8)))

    def test_without_time_it_still_fails(self) -> None:
        kept = self.shrunk({3, 60}, most=4)
        self.assertLessEqual({3, 60}, set(kept))
        self.assertLess(len(kept), 100)
        self.assertEqual(self.shrunk({3}, most=0), list(range(100)))

    def test_steps_after_the_failure_are_dropped_at_once(self) -> None:
        def trial(steps: Sequence[int]) -> Optional[Sequence[int]]:
            return [step for step in steps if step <= 20] if 20 in steps else None
        self.assertEqual(shrink.shrink(range(300), trial, lambda: True), [20])


ROUND = 'stress: round 3 seed=0x5eed mode=single'


class Judging(unittest.TestCase):
    """What a console means."""

    def judged(self, *lines: str, status: Optional[int] = None, how: str = boot.EXITED,
               reason: str = '') -> stressrun.Verdict:
        """The verdict on these lines after the line of a round."""
        return stressrun.judge(Ended(status, how, reason, 1.0, [ROUND, *lines]))

    def failure(self, *lines: str, status: Optional[int] = None, how: str = boot.EXITED,
                reason: str = '') -> Failure:
        """The failure that must be in the verdict."""
        verdict = self.judged(*lines, status=status, how=how, reason=reason)
        assert verdict.failure
        self.assertEqual((verdict.failure.seed, verdict.failure.mode), ('0x5eed', 'single'))
        self.assertEqual(verdict.rounds, 3)
        return verdict.failure

    def test_held(self) -> None:
        verdict = self.judged('stress: held in 4 rounds of 300 steps', status=0)
        self.assertEqual((verdict.rounds, verdict.failure), (4, None))

    def test_mismatch(self) -> None:
        failure = self.failure('stress: at 31', 'stress: before: step 39 store 1+1',
                               'stress: FAILED step 40 mremap 1+2 to 5: page 5 word 0 by loads: '
                               'expected zeros, found what step 3 wrote to page 1', status=1)
        self.assertEqual((failure.kind, failure.step), (stressrun.MISMATCH, 40))
        self.assertIn('page 5 word 0', failure.title)
        self.assertEqual(failure.lines, ['step 39 store 1+1'])

    def test_the_kernels_complaint_comes_first(self) -> None:
        failure = self.failure('stress: at 63', 'BUG: Bad page state in process stress  pfn:12',
                               'stress: FAILED step 70 store 1+1: page 1 is bad', status=1)
        self.assertEqual((failure.kind, failure.step), (stressrun.SPLAT, 95))
        self.assertIn('Bad page state', failure.title)

    def test_splat_although_all_held(self) -> None:
        failure = self.failure('WARNING: CPU: 0 PID: 1 at mm/rmap.c:1', status=0)
        self.assertEqual(failure.kind, stressrun.SPLAT)

    def test_hang(self) -> None:
        failure = self.failure('stress: at 31', how=boot.HUNG, reason='no output for 60 s')
        self.assertEqual((failure.kind, failure.step), (stressrun.HANG, 63))
        self.assertIn('no output', failure.title)

    def test_death_without_a_word(self) -> None:
        failure = self.failure('stress: at 31', reason='ended by SIGSEGV')
        self.assertEqual((failure.kind, failure.title), (stressrun.DEATH, 'ended by SIGSEGV'))

    def test_no_verdict_is_no_result(self) -> None:
        for status in (2, 127):
            with self.assertRaises(cli.CannotTest):
                self.judged('stress: cannot test: memfd_create: no', status=status)
        with self.assertRaises(cli.CannotTest):
            stressrun.judge(Ended(None, boot.EXITED, '', 1.0, ['Kernel panic - not syncing: VFS']))


class Replays(unittest.TestCase):
    """Boots of a fake, whose failure takes known steps."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix='test-stress-'))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / 'own').mkdir()
        shutil.copy(HERE / 'fake_stress.py', self.folder / 'own' / 'linux')
        (self.folder / 'logs').mkdir()

    def stress(self, needed: Sequence[int], **behaviour: object) -> Stress:
        """Boots of a kernel that fails when the needed steps are run."""
        (self.folder / 'behaviour.json').write_text(json.dumps({'needed': needed, **behaviour}))
        return Stress(Guest(self.folder / 'own' / 'linux', self.folder / 'root', swap='1M'),
                      self.folder / 'logs', boot.Limits(silence=1.0, case=3.0))

    def failed(self, stress: Stress) -> Failure:
        """The failure of a first boot."""
        failure = stressrun.judge(stress.soak(0x77, 1, 1, 'all', None)).failure
        assert failure
        return failure

    def test_the_shortest_replay_is_found_and_shown(self) -> None:
        stress = self.stress([5, 9, 30])
        shrunk = stressrun.shortest(stress, self.failed(stress), 60, None)
        self.assertEqual((shrunk.steps, shrunk.again), ([5, 9, 30], True))
        self.assertEqual(shrunk.trace, [f'step {step} store {step}+1' for step in (5, 9, 30)])
        self.assertEqual([path.name for path in (self.folder / 'logs').iterdir()
                          if path.suffix != '.log'], [])

    def test_what_does_not_happen_again_is_said(self) -> None:
        failure = self.failed(self.stress([5]))
        shrunk = stressrun.shortest(self.stress([1000]), failure, 60, None)
        self.assertFalse(shrunk.again)

    def test_a_death_shrinks_too(self) -> None:
        stress = self.stress([20, 21], dies=True, line='Kernel panic - not syncing: BUG!')
        failure = self.failed(stress)
        self.assertEqual(failure.kind, stressrun.SPLAT)
        self.assertEqual(stressrun.shortest(stress, failure, 60, None).steps, [20, 21])

    def test_a_hang_is_found_and_ended(self) -> None:
        stress = self.stress([3], hang=True, line='stress: at 31')
        self.assertEqual(self.failed(stress).kind, stressrun.HANG)

    def test_given_steps_are_where_it_begins(self) -> None:
        stress = self.stress([5])
        shrunk = stressrun.shortest(stress, self.failed(stress), 60, [2, 5, 80])
        self.assertEqual(shrunk.steps, [5])


if __name__ == '__main__':
    unittest.main()
