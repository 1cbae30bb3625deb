# SPDX-License-Identifier: GPL-2.0
"""A kernel tree of a few files, compiled here, that runs like KUnit and is measured by gcov.

For the tests of tools/review: it stands where linux/src does, as a git tree
with the topics that a review needs, and builds in a tenth of a second.
"""

import subprocess
import time
from pathlib import Path
from typing import List, Sequence

from fake_kernel import sh, write
from sandbox import kbuild, measure, paths
from sandbox.configs import Config
from sandbox.kbuild import Build
from sandbox.tree import Tree

VMA = '''\
#include "vma.h"

int mapped(int pages)
{
    if (pages > 2)
        return limit(pages);
    return pages;
}

int unmapped(int pages)
{
    return -pages;
}
'''
HEADER = '''\
int mapped(int pages);
int unmapped(int pages);
static inline int limit(int pages)
{
    return pages > 100 ? 100 : pages;
}
'''
OTHER = '''\
#include "vma.h"

int other(int pages);
int other(int pages)
{
    return limit(pages) + 1;
}
'''
# Case 'one' maps 1 page, 'two' 50, 'three' unmaps 3; a case fails on a wrong answer.
KERNEL = '''\
#include <fnmatch.h>
#include <gcov.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vma.h"
static const char *cases[] = {"one", "two", "three"};
static void section(const char *test)
{
    static char path[4096], old[4096];
    const char *prefix = getenv("GCOV_PREFIX");

    if (!prefix)
        return;
    snprintf(old, sizeof(old), "%s", prefix);
    if (test) {
        snprintf(path, sizeof(path), "%s/by-test/area.%s", old, test);
        setenv("GCOV_PREFIX", path, 1);
    }
    __gcov_dump();
    __gcov_reset();
    setenv("GCOV_PREFIX", old, 1);
}
int main(int argc, char **argv)
{
    const char *glob = "*";
    int i, number = 0, wanted = 0, list = 0, apart = 0, bad = 0;

    for (i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "kunit.filter_glob=", 18))
            glob = argv[i] + 18;
        list |= !strcmp(argv[i], "kunit.action=list");
        apart |= !strcmp(argv[i], "gcov_by_test=1");
    }
    glob = strchr(glob, '.') ? strchr(glob, '.') + 1 : "*";
    setvbuf(stdout, NULL, _IONBF, 0);
    if (list) {
        puts("KTAP version 1\\n1..3");
        for (i = 0; i < 3; i++)
            printf("area.%s\\n", cases[i]);
        return 0;
    }
    for (i = 0; i < 3; i++)
        wanted += !fnmatch(glob, cases[i], 0);
    printf("KTAP version 1\\n1..1\\n    KTAP version 1\\n    # Subtest: area\\n");
    printf("    1..%d\\n", wanted);
    for (i = 0; i < 3; i++) {
        int held;

        if (fnmatch(glob, cases[i], 0))
            continue;
        if (apart)
            section(NULL);
        held = i == 0 ? mapped(1) == 1 : i == 1 ? mapped(50) == 50 : unmapped(3) == -3;
        if (apart)
            section(cases[i]);
        if (!held)
            printf("    # %s: EXPECTATION FAILED at mm/kernel.c:9\\n", cases[i]);
        bad |= !held;
        printf("    %sok %d %s\\n", held ? "" : "not ", ++number, cases[i]);
    }
    printf("%sok 1 area\\nreboot: System halted\\n", bad ? "not " : "");
    return 0;
}
'''
FILES = {
    'Makefile': 'VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n', 'mm/Kconfig': '# mm\n',
    'mm/Makefile': 'obj-y := vma.o kernel.o\nobj-$(CONFIG_NUMA) += numa.o\n'
                   'obj-y += other.o\n',
    'mm/vma.c': VMA, 'mm/vma.h': HEADER, 'mm/kernel.c': KERNEL, 'mm/other.c': OTHER,
    'mm/numa.c': 'int numa;\n', 'arch/arm64/mm/fault.c': 'int fault;\n',
    'scripts/checkpatch.pl': '#!/usr/bin/perl\nprint "x.patch:3: WARNING:LONG: too long\\n" '
                             'if join("", `cat $ARGV[-1]`) =~ /very long/;\n',
}
OBJECTS = ('vma', 'kernel', 'other')
TOPICS = ('um-gcov', 'gcov-by-test', 'kunit-suites')


def make(src: Path) -> None:
    """The tree with its commits: base, and one that names the topics."""
    write(src, FILES)
    (src / 'scripts' / 'bloat-o-meter').symlink_to(paths.SRC / 'scripts' / 'bloat-o-meter')
    (src / 'tools').symlink_to(paths.SRC / 'tools')
    sh('git', 'init', '-q', '-b', 'sandbox', cwd=src)
    commit(src, 'base')
    sh('git', 'tag', 'base', cwd=src)
    for topic in TOPICS:
        sh('git', 'commit', '-q', '--allow-empty', '-m', f'add {topic}\n\nTopic: {topic}', cwd=src)


def commit(src: Path, message: str) -> str:
    """Commit what there is."""
    sh('git', 'add', '-A', cwd=src)
    sh('git', 'commit', '-q', '-m', message, cwd=src)
    return sh('git', 'rev-parse', 'HEAD', cwd=src).strip()


def tree(src: Path) -> Tree:
    """As provision.tree() gives it."""
    return Tree(src, src.parent / 'builds', '7.3.4', '', '', TOPICS, 3, 'abc')


def build(tree_: Tree, config: Config, make_args: Sequence[str] = (), jobs: int = 0,
          quiet: bool = False) -> Build:
    """Stands in for kbuild.build()."""
    del jobs, quiet
    folder = tree_.builds / config.name
    (folder / 'mm').mkdir(parents=True, exist_ok=True)
    smp = ['CONFIG_SMP=y'] if 'smp' in config.name else []
    (folder / '.config').write_text('\n'.join(['CONFIG_MMU=y', *smp, '']))
    log: List[str] = []
    began = time.monotonic()
    failed = False
    for name in OBJECTS:
        flags = list(measure.FLAGS) if f'GCOV_PROFILE_{name}.o=y' in make_args else []
        flags += [f'-D{one[:-2]}' for one in smp]
        words = ['gcc', '-O2', '-Wall', *flags, '-c', '-o', f'mm/{name}.o',
                 f'{tree_.src}/mm/{name}.c']
        done = subprocess.run(words, cwd=folder, check=False, text=True, stderr=subprocess.PIPE)
        log += [f'  CC      mm/{name}.o', *done.stderr.splitlines()]
        failed |= done.returncode != 0
        (folder / 'mm' / f'.{name}.o.cmd').write_text(
            f'savedcmd_mm/{name}.o := {" ".join(words)}\n\ndeps_mm/{name}.o := \\\n'
            f'  {tree_.src}/mm/{name}.c \\\n  {tree_.src}/mm/vma.h \\\n')
    if not failed:
        subprocess.run(['gcc', '--coverage', '-o', 'linux', *(f'mm/{name}.o' for name in OBJECTS)],
                       cwd=folder, check=True)
        subprocess.run(['ar', 'rcsTP', 'vmlinux.a', *(f'mm/{name}.o' for name in OBJECTS)],
                       cwd=folder, check=True)
    (folder / kbuild.LOG).write_text('\n'.join(log) + '\n')
    if failed:
        raise kbuild.DoesNotBuild('the kernel does not build',
                                  kbuild.first_error(kbuild.log(folder, tree_.src)))
    own = folder / '.run'
    own.mkdir(exist_ok=True)
    (own / 'linux').write_bytes((folder / 'linux').read_bytes())
    (own / 'linux').chmod(0o755)
    return Build(tree_, config, folder, own / 'linux', 'gcc 12.2', 1, 3, time.monotonic() - began)
