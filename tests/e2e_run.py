#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tools/run and tools/debug with a real kernel, and cases that go wrong on purpose.

SANDBOX_BOOTS says how often test_boots_leave_nothing boots (20; 200 for the
full check), SANDBOX_KMEMLEAK=1 also builds the kmemleak configuration.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Dict, List, Tuple

ROOT = Path(__file__).resolve().parent.parent
CONFIG = 'fast+selftest'
SILENCE = 5


def tool(name: str, *options: str, limit: float = 3000) -> Tuple[int, str]:
    """Run tools/NAME; its status and what it printed."""
    done = subprocess.run([str(ROOT / 'tools' / name), *options], check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=limit)
    return done.returncode, done.stdout


def run(*options: str, config: str = CONFIG) -> Tuple[int, str]:
    """tools/run with a short patience."""
    return tool('run', f'--config={config}', f'--timeout={SILENCE}', *options)


def report() -> Dict[str, Dict[str, str]]:
    """The cases of the latest report by name."""
    latest = ROOT / 'reports' / 'run' / 'latest' / 'report.json'
    cases = json.loads(latest.read_text(encoding='utf-8'))['tests']['cases']
    return {case['name']: case for case in cases}


def kernels() -> List[int]:
    """The processes of our kernels, stubs included."""
    found = []
    for entry in Path('/proc').iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / 'cmdline').read_bytes()
            except OSError:
                continue
            if b'/.run/' in line and b'uml_dir=' in line or b'uml-userspace' in line:
                found.append(int(entry.name))
    return found


class Host(unittest.TestCase):
    """What stays on the host: no process, no file in /dev/shm, TMPDIR or ~/.uml."""

    def setUp(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix='e2e-run-'))
        self.addCleanup(shutil.rmtree, self.home)
        self.temporary = self.home / 'tmp'
        self.temporary.mkdir()
        self.env = {**os.environ, 'HOME': str(self.home), 'TMPDIR': str(self.temporary)}
        self.shared = set(Path('/dev/shm').iterdir())

    def start(self, *options: str) -> 'subprocess.Popen[str]':
        """tools/run in a home of its own."""
        return subprocess.Popen([str(ROOT / 'tools' / 'run'), f'--config={CONFIG}', *options],
                                env=self.env, text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def wait_for_kernel(self) -> None:
        """Until a kernel is up."""
        for _ in range(1200):
            if kernels():
                break
            time.sleep(0.1)
        time.sleep(1)
        self.assertNotEqual(kernels(), [])

    def nothing_left(self) -> None:
        """No process, no file."""
        self.assertEqual(kernels(), [])
        self.assertEqual(list(self.temporary.iterdir()), [])
        self.assertFalse((self.home / '.uml').exists())
        self.assertEqual(set(Path('/dev/shm').iterdir()) - self.shared, set())

    def test_boots_leave_nothing(self) -> None:
        boots = int(os.environ.get('SANDBOX_BOOTS', '20'))
        verb = self.start('--suite=selftest_survives', f'--repeat={boots}')
        output = verb.communicate(timeout=3000)[0]
        self.assertEqual(verb.returncode, 0, output)
        self.assertIn(f'{boots} passed', output)
        self.nothing_left()

    def test_a_signal_ends_everything(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number.name):
                verb = self.start('--suite=selftest_stalls.loops')
                self.wait_for_kernel()
                verb.send_signal(number)
                verb.communicate(timeout=30)
                self.assertEqual(verb.returncode, 130)
                self.nothing_left()

    def test_a_killed_run_takes_its_kernel_along(self) -> None:
        verb = self.start('--suite=selftest_stalls.loops')
        self.wait_for_kernel()
        verb.kill()
        verb.communicate()
        for _ in range(50):
            if not kernels():
                break
            time.sleep(0.1)
        self.nothing_left()

    def test_two_runs_at_once(self) -> None:
        for one in [self.start('--suite=selftest_survives') for _ in range(2)]:
            output = one.communicate(timeout=600)[0]
            self.assertEqual(one.returncode, 0, output)
            self.assertIn('1 passed', output)
        self.nothing_left()


class Broken(unittest.TestCase):
    """Each case of kunit-suites/selftest is reported as what it is."""
    status: int
    output: str
    cases: Dict[str, Dict[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.status, cls.output = run('--suite=selftest_*')
        if cls.status == 2:
            raise AssertionError(cls.output)
        cls.cases = report()

    def check(self, name: str, status: str, message: str = '') -> None:
        """A case's status and the cause that is given."""
        self.assertEqual(self.cases[name]['status'], status, self.cases[name])
        self.assertIn(message, self.cases[name].get('message', ''))

    def test_the_whole_run_failed(self) -> None:
        self.assertEqual(self.status, 1)

    def test_failures(self) -> None:
        self.check('selftest_complains.passes', 'passed')
        self.check('selftest_complains.skips', 'skipped')
        self.check('selftest_complains.fails', 'failed', 'EXPECTATION FAILED')
        self.check('selftest_complains.asserts', 'failed', 'ASSERTION FAILED')

    def test_splats(self) -> None:
        self.check('selftest_complains.warns', 'failed', 'WARNING')

    def test_deaths(self) -> None:
        self.check('selftest_dies.passes', 'passed')
        self.check('selftest_dies.panics', 'crashed', 'on purpose')
        self.check('selftest_dies.dereferences_null', 'crashed')
        self.check('selftest_dies.panics_at_step_two', 'crashed', 'after parameter step_1')
        self.check('selftest_dies.skips', 'skipped')

    def test_hangs(self) -> None:
        self.check('selftest_hangs.hangs_with_mmap_lock_held', 'hung',
                   'hangs_with_mmap_lock_held')
        self.check('selftest_hangs.loops_with_irqs_off', 'hung', 'loops_with_irqs_off')
        self.check('selftest_hangs.passes', 'passed')

    def test_stalls(self) -> None:
        # The thread waits for ever in exit_mm(), KUnit goes on.
        self.check('selftest_stalls.asserts_with_mmap_lock_held', 'failed', 'ASSERTION')
        self.check('selftest_stalls.loops', 'hung', 'loops')
        self.check('selftest_stalls.floods', 'flooded')
        self.check('selftest_stalls.passes', 'passed')

    def test_the_rest_ran(self) -> None:
        self.check('selftest_survives.passes', 'passed')

    def test_nothing_is_left(self) -> None:
        self.assertEqual(kernels(), [])


class Selection(unittest.TestCase):
    """Bad and odd input."""

    def test_an_unknown_suite(self) -> None:
        status, output = run('--suite=selftest_surviv')
        self.assertEqual(status, 2)
        self.assertIn('selftest_survives', output)

    def test_a_repeated_run_says_which_iteration_failed(self) -> None:
        status, output = run('--suite=selftest_complains.fails', '--repeat=2')
        self.assertEqual(status, 1)
        self.assertIn('iteration 2', output)

    def test_a_shuffled_run_repeats(self) -> None:
        orders = []
        for _ in range(2):
            status, output = run('--suite=selftest_complains', '--shuffle=7')
            if status == 2 and 'kunit-shuffle' in output:
                self.skipTest(output.strip())
            log = (ROOT / 'reports' / 'run' / 'latest' / 'ktap.log').read_text()
            orders.append([line for line in log.splitlines() if 'ok ' in line])
        self.assertEqual(orders[0], orders[1])


class Others(unittest.TestCase):
    """gdb, kunit.py, kmemleak."""

    def test_gdb_stops_where_the_case_begins(self) -> None:
        status, output = tool('debug', f'--config={CONFIG}', '--suite=selftest_dies.panics',
                              '--batch')
        self.assertEqual(status, 0, output)
        self.assertRegex(output, r'#0 .*panics')
        self.assertEqual(kernels(), [])

    def test_kunit_py_makes_the_same_configuration(self) -> None:
        sys.path.insert(0, str(ROOT / 'tools'))
        from sandbox import configs, paths
        run('--suite=selftest_survives')
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(['./tools/testing/kunit/kunit.py', 'config', f'--build_dir={folder}',
                            *(f'--kunitconfig={path}' for path in configs.load(CONFIG).fragments)],
                           cwd=paths.SRC, check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, 'LC_ALL': 'C'})
            theirs = (Path(folder) / '.config').read_text(encoding='utf-8')
        ours = (paths.BUILD / CONFIG / '.config').read_text(encoding='utf-8')
        self.assertEqual(ours, theirs)

    @unittest.skipUnless(os.environ.get('SANDBOX_KMEMLEAK'), 'SANDBOX_KMEMLEAK=1 builds it')
    def test_kmemleak_finds_the_leak(self) -> None:
        status, output = run('--kmemleak', '--suite=selftest_complains.leaks',
                             config='kmemleak+selftest')
        self.assertEqual(status, 1, output)
        self.assertIn('unreferenced object', output)
        self.assertIn('leaks+', output)
        status, output = run('--kmemleak', '--suite=selftest_survives',
                             config='kmemleak+selftest')
        self.assertEqual(status, 0, output)


if __name__ == '__main__':
    unittest.main()
