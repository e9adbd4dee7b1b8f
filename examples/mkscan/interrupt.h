/* SPDX-License-Identifier: MIT */
#ifndef INTERRUPT_H
#define INTERRUPT_H

/* Makes SIGINT and SIGTERM end blocking calls and be remembered. */
void interrupt_catch(void);

/* The signal that came first, or 0. */
int interrupt_signal(void);

#endif /* INTERRUPT_H */
