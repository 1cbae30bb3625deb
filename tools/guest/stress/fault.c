// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and stores that may fault, and the faults that nobody expects.
 *
 * checkpatch: VOLATILE: user space; each access has to reach the memory
 */
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>
#include "stress.h"

static __thread sigjmp_buf escape;
static __thread volatile bool armed;
__thread struct thread *this_thread;
__thread volatile bool retry_faults;

static void on_fault(int number, siginfo_t *info, void *context)
{
	struct thread *t = this_thread;

	(void)context;
	if (armed) {
		armed = false;
		siglongjmp(escape, 1);
	}
	if (retry_faults)
		return;
	fail(t, "unexpected signal %d (code %d) at %p, page %ld", number,
	     info->si_code, info->si_addr,
	     t ? ((char *)info->si_addr - t->base) / PAGE : -1L);
}

void catch_faults(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		/* siglongjmp() without restoring the mask takes no system call */
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	if (sigaction(SIGSEGV, &action, NULL) ||
	    sigaction(SIGBUS, &action, NULL))
		cannot("sigaction");
}

/* The first word that differs, SAME or FAULTED. */
int load_page(struct thread *t, int page, const uint64_t *gens)
{
	int result;

	if (sigsetjmp(escape, 0))
		return FAULTED;
	armed = true;
	result = differs((volatile uint64_t *)at(t, page), gens);
	armed = false;
	return result;
}

/* Store blocks of a page: SAME or FAULTED. */
int store_blocks(struct thread *t, int page, const uint64_t *gens, int block,
		 int nr)
{
	if (sigsetjmp(escape, 0))
		return FAULTED;
	armed = true;
	fill((volatile uint64_t *)at(t, page), gens, block, nr);
	armed = false;
	return SAME;
}
