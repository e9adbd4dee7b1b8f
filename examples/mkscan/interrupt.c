// SPDX-License-Identifier: MIT
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void remember(int number)
{
	if (!caught)
		caught = number;
}

static void catch (int number)
{
	/* Without SA_RESTART, so that opening a FIFO ends as well. */
	struct sigaction action = { .sa_handler = remember }, before;

	sigaction(number, &action, &before);
	/* Who started us may want it ignored, as a shell does in the background. */
	if (before.sa_handler == SIG_IGN)
		sigaction(number, &before, NULL);
}

void interrupt_catch(void)
{
	catch (SIGINT);
	catch (SIGTERM);
}

int interrupt_signal(void)
{
	return caught;
}
