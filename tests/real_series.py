# SPDX-License-Identifier: GPL-2.0
"""Series against the real kernel, as recipes: what a patch does to a file, and what a
review must say of each line that it adds.

Only the files that a recipe touches are taken out of linux/src, into a repository of
their own, where the patches become commits and these an mbox.
"""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Sequence, Tuple

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / 'linux' / 'src'

# What stands before a line in a recipe: the class that it has to get.
MARKS = {'+': 'covered', '~': 'partial', '!': 'uncovered', '0': 'not-compiled',
         '.': 'optimised-out', ' ': 'no-code', '?': ''}
Edit = Callable[[str], str]
Marked = Tuple[str, str]


@dataclass
class Patch:
    """A patch: what happens to each file, and what is expected of it.

    lines: by file, class and text of each line that is this patch's at the tip.
    """
    subject: str
    edits: Sequence[Tuple[str, Edit]]
    lines: Dict[str, List[Marked]]


def marked(text: str) -> List[Marked]:
    """The lines of a recipe: its first column is a mark, the rest what is added."""
    return [(MARKS[line[0]], line[1:]) for line in text.splitlines()]


def added(*texts: str) -> List[Marked]:
    """Class and stripped text of the lines of several recipes, in their order."""
    return [(kind, line.strip()) for text in texts for kind, line in marked(text)]


def plain(text: str) -> str:
    """A recipe's lines without their marks."""
    return ''.join(f'{line}\n' for _, line in marked(text))


def _once(text: str, anchor: str) -> int:
    if text.count(anchor) != 1:
        raise AssertionError(f'{anchor!r} is there {text.count(anchor)} times, not once')
    return text.index(anchor)


def after(anchor: str, text: str) -> Edit:
    """Add lines below the line in which the anchor ends."""
    def edit(old: str) -> str:
        at = old.index('\n', _once(old, anchor) + len(anchor) - 1) + 1
        return old[:at] + plain(text) + old[at:]
    return edit


def before(anchor: str, text: str) -> Edit:
    """Add lines above the line in which the anchor begins."""
    def edit(old: str) -> str:
        at = old.rfind('\n', 0, _once(old, anchor)) + 1
        return old[:at] + plain(text) + old[at:]
    return edit


def swap(first: str, last: str, text: str) -> Edit:
    """Put lines in the place of those from an anchor to the next one."""
    def edit(old: str) -> str:
        start = old.rfind('\n', 0, _once(old, first)) + 1
        end = old.index('\n', old.index(last, start)) + 1
        return old[:start] + plain(text) + old[end:]
    return edit


def move(name: str, anchor: str) -> Edit:
    """Move a function with its comment above the line in which the anchor begins."""
    def edit(old: str) -> str:
        comment = r'(?:^/\*\n(?: \*[^\n]*\n)+)?'
        found = re.search(comment + rf'^\w[^\n;]*\b{name}\([^;{{]*\)\n\{{\n.*?^\}}\n\n', old,
                          re.MULTILINE | re.DOTALL)
        assert found, name
        rest = old[:found.start()] + old[found.end():]
        at = rest.rfind('\n', 0, _once(rest, anchor)) + 1
        return rest[:at] + found.group(0) + rest[at:]
    return edit


def create(text: str) -> Edit:
    """A new file."""
    return lambda _: plain(text)


def git(folder: Path, *arguments: str) -> str:
    """Run git without anybody's configuration."""
    identity = ['-c', 'user.name=nobody', '-c', 'user.email=nobody@localhost']
    return subprocess.run(['git', *identity, *arguments], cwd=folder, check=True,
                          stdout=subprocess.PIPE, encoding='utf-8').stdout


def mbox(patches: Sequence[Patch], title: str) -> bytes:
    """The series as mails, with a cover letter."""
    with tempfile.TemporaryDirectory(prefix='series-') as name:
        folder = Path(name)
        git(folder, 'init', '-q')
        for path in {path for patch in patches for path, _ in patch.edits}:
            held = subprocess.run(['git', 'show', f'sandbox:{path}'], cwd=SRC, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            if held:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(held)
        git(folder, 'add', '-A')
        git(folder, 'commit', '-q', '--allow-empty', '-m', 'base')
        for patch in patches:
            for path, edit in patch.edits:
                file = folder / path
                file.parent.mkdir(parents=True, exist_ok=True)
                old = file.read_text(encoding='utf-8') if file.exists() else ''
                file.write_text(edit(old), encoding='utf-8')
            git(folder, 'add', '-A')
            git(folder, 'commit', '-q', '-s', '-m', f'{patch.subject}\n\nA reason for it.')
        text = git(folder, 'format-patch', '--stdout', '--cover-letter', f'-{len(patches)}')
        return text.replace('*** SUBJECT HERE ***', title).encode()


# A refactoring, and a change that the suites reach in part.

_DELTA = '''\
 /* By how many pages locked_vm changes when the flags of a range do. */
+static long locked_delta(const vma_flags_t *old_flags,
 			 const vma_flags_t *new_flags, unsigned long size)
 {
+	long nr_pages = size >> PAGE_SHIFT;
 
~	if (!vma_flags_test(new_flags, VMA_LOCKED_BIT))
+		return -nr_pages;
~	if (vma_flags_test(old_flags, VMA_LOCKED_BIT))
+		return 0;
.	return nr_pages;
 }
 
'''
_CALL = '''\
+	mm->locked_vm += locked_delta(&old_vma_flags, new_vma_flags,
 				      end - start);
'''
_CHECKS = '''\
~	if (current->flags & PF_EXITING ||
~	    current->flags & PF_MEMALLOC)
.		return -ESRCH;
~	if (len > TASK_SIZE) {
!		if (pkey != -1)
.			return -EINVAL;
!		return -ENOMEM;
 	}
 #ifdef CONFIG_NUMA_BALANCING
0	if (len == PAGE_SIZE)
0		count_vm_event(NUMA_PTE_UPDATES);
 #endif
 	/* A single page is what most calls are about. */
+	if (IS_ENABLED(CONFIG_NUMA_BALANCING) && len == PAGE_SIZE)
0		count_vm_event(PGFAULT);
'''
_TOUCHED = '''\
+	error = access_kind(prot);
~	if (error < 0)
.		return error;
'''
_KIND = '''\
+static int access_kind(unsigned long prot)
 {
~	switch (prot & (PROT_READ | PROT_WRITE)) {
 	case PROT_READ | PROT_WRITE:
.		return 2;
 	case PROT_READ:
.		return 1;
 	case PROT_NONE:
.		return 0;
 	default:
.		return 3;
 	}
 }
 
'''
_TEXT = '''\
 Words about locking.
'''

REFACTORING = [
    Patch('mm/mlock: move __mlock_posix_error_return() up',
          [('mm/mlock.c', move('__mlock_posix_error_return', 'static int mlock_fixup('))], {}),
    Patch('mm/mlock: count the change of locked_vm in a function of its own',
          [('mm/mlock.c', before('static int mlock_fixup(', _DELTA)),
           ('mm/mlock.c', swap('\tnr_pages = (end - start) >> PAGE_SHIFT;',
                               '\tmm->locked_vm += nr_pages;', _CALL)),
           ('mm/mlock.c', swap('\tlong nr_pages;\n\tint ret', '\tlong nr_pages;', ''))],
          {'mm/mlock.c': added(_DELTA, _CALL)}),
    Patch('mm/mprotect: refuse what is too long',
          [('mm/mprotect.c', before('/*\n * pkey==-1 when doing a legacy mprotect()', _KIND)),
           ('mm/mprotect.c', after('\tif (end <= start)\n\t\treturn -ENOMEM;', _CHECKS)),
           ('mm/mprotect.c', after('\treqprot = prot;\n', _TOUCHED))],
          {'mm/mprotect.c': added(_KIND, _CHECKS, _TOUCHED)}),
    Patch('Documentation: words', [('Documentation/mm/words.rst', create(_TEXT))],
          {'Documentation/mm/words.rst': added(_TEXT)}),
]


# A new warning and a fault of form; a suite that fails at patch 2 and is mended at 3;
# a patch that does not build at 4, which 5 repairs.

_UNUSED = '''\
+	unsigned long pages;
'''
_WARNED = '''\
+	pages = len >> PAGE_SHIFT ;
'''
_WRONG = '''\
 	/* What is unlocked stays counted. */
+	if (!vma_flags_test(new_vma_flags, VMA_LOCKED_BIT))
+		nr_pages = 0;
'''
_MENDED = '''\
+	if (!vma_flags_test(new_vma_flags, VMA_LOCKED_BIT))
+		nr_pages = 0 - nr_pages;
'''
_UNDECLARED = '''\
 	locked += count_of_nothing;
'''
_DECLARED = '''\
+	locked += current->mm->pinned_vm.counter & 0;
'''

BROKEN = [
    Patch('mm/mprotect: count the pages',
          [('mm/mprotect.c', after('\tunsigned long nstart, end, tmp, reqprot;\n', _UNUSED)),
           ('mm/mprotect.c', after('\treqprot = prot;\n', _WARNED))],
          {'mm/mprotect.c': added(_UNUSED, _WARNED)}),
    Patch('mm/mlock: keep the count',
          [('mm/mlock.c', swap('\tif (!vma_flags_test(new_vma_flags, VMA_LOCKED_BIT))\n\t\tnr_',
                               '\t\tnr_pages = -nr_pages;', _WRONG))], {}),
    Patch('mm/mlock: lower the count again',
          [('mm/mlock.c', swap('\t/* What is unlocked', '\t\tnr_pages = 0;', _MENDED))],
          {'mm/mlock.c': added(_MENDED)[1:]}),       # the if is as it was
    Patch('mm/mlock: count what is pinned',
          [('mm/mlock.c', after('\tlocked += current->mm->locked_vm;\n', _UNDECLARED))], {}),
    Patch('mm/mlock: count what is pinned, declared',
          [('mm/mlock.c', swap('\tlocked += count_of', 'nothing;', _DECLARED))],
          {'mm/mlock.c': added(_DECLARED)}),
]


# A header alone; an option and a file of its own; other architectures.

_INLINE = '''\
 /* Whether a range to merge is empty. */
 static inline bool vmg_empty(const struct vma_merge_struct *vmg)
 {
.	return vmg->start == vmg->end;
 }
 
 #ifdef CONFIG_NUMA
0static inline int vmg_node(const struct vma_merge_struct *vmg)
0{
0	return vmg->start ? NUMA_NO_NODE : 0;
0}
 #endif
 
 #define vmg_words(vmg) ((vmg)->end - (vmg)->start)
 
'''
_PAGES = '''\
~	if (unlikely(vmg->start > vmg->end))
.		return 0;
'''
_OPTION = '''\
 config VMA_WORDS
 	bool "Words about VMAs"
 	depends on NUMA
 	help
 	  Say words about each VMA, which nobody needs. If in doubt, say N,
 	  as everybody does. This text is here for checkpatch, which wants
 	  more lines than two.
 
'''
_MAKEFILE = '''\
 obj-$(CONFIG_VMA_WORDS) += vma_words.o
'''
_FILE = '''\
 // SPDX-License-Identifier: GPL-2.0
 #include <linux/mm.h>
 
0void vma_words(void);
0void vma_words(void)
0{
0	pr_info("words\\n");
0}
'''
_ARM64 = '''\
0	if (!folio_mapping(folio))
0		return;
'''
_ARM64_ASM = '''\
0	nop
'''

ELSEWHERE = [
    Patch('mm/vma: look for empty ranges',
          [('mm/vma.h', before('static inline pgoff_t vmg_pages(', _INLINE)),
           ('mm/vma.h', after('\tconst unsigned long size = vmg->end - vmg->start;\n', _PAGES))],
          {'mm/vma.h': added(_INLINE, _PAGES)}),
    Patch('mm: words about VMAs',
          [('mm/Kconfig', before('config FIND_NORMAL_PAGE', _OPTION)),
           ('mm/Makefile', after('obj-$(CONFIG_NUMA) += memory-tiers.o\n', _MAKEFILE)),
           ('mm/vma_words.c', create(_FILE))],
          {'mm/Kconfig': added(_OPTION), 'mm/Makefile': added(_MAKEFILE),
           'mm/vma_words.c': added(_FILE)}),
    Patch('arm64: mm: keep what has no mapping',
          [('arch/arm64/mm/flush.c', after('void flush_dcache_folio(struct folio *folio)\n{\n',
                                           _ARM64)),
           ('arch/arm64/mm/cache.S', before('\tcaches_clean_inval_pou_macro\n\tret', _ARM64_ASM))],
          {'arch/arm64/mm/flush.c': added(_ARM64), 'arch/arm64/mm/cache.S': added(_ARM64_ASM)}),
]


# A fault in the kernel, at which few cases come by.

_FAULT = '''\
~	if (flags == (MCL_FUTURE | MCL_ONFAULT)) {
!		mm->locked_vm += READ_ONCE(*(unsigned long *)8);
!		mm->total_vm += mm->locked_vm;
 	}
'''

CRASH = [
    Patch('mm/mlock: read what is not there',
          [('mm/mlock.c', after('\tvma_flags_clear_mask(&mm->def_vma_flags, VMA_LOCKED_MASK);\n',
                                _FAULT))],
          {'mm/mlock.c': added(_FAULT)}),
]
