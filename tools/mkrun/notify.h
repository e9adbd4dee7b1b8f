/* SPDX-License-Identifier: MIT */
/*
 * systemd's notifications, sd_notify(3).  The protocol is a datagram of lines to the
 * socket that $NOTIFY_SOCKET names, which other supervisors speak too, so that no library
 * is needed for it.
 */
#ifndef MKRUN_NOTIFY_H
#define MKRUN_NOTIFY_H

#include <stdint.h>

/* Tell, when there is somebody to tell; @format as for printf(), "READY=1" and the like. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Within which time a WATCHDOG=1 is expected after the last; 0: never. */
uint64_t notify_watchdog_ns(void);

#endif /* MKRUN_NOTIFY_H */
