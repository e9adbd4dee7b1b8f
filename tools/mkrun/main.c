// SPDX-License-Identifier: MIT
/*
 * mkrun: keeps a resident kernel for producers of other processes, until it is told to
 * stop.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/complain.h"
#include "notify.h"
#include "report.h"

#define NS_PER_SECOND UINT64_C(1000000000)
/* What stopping may take; a dispatch ends long before, and a device that hangs never. */
#define STOP_LIMIT_NS (15 * NS_PER_SECOND)
#define STOP_LOOK_NS  (NS_PER_SECOND / 20)
/* So often the engine is looked at. */
#define TICK_NS		    NS_PER_SECOND
#define LIVE_INTERVAL_S	    1.0
#define PLAIN_INTERVAL_S    10.0
#define EXIT_LOST	    2
#define EXIT_DID_NOT_STOP   3
#define EXIT_SIGNAL(number) (128 + (number))

struct keeper {
	struct instance instance;
	struct status status; /* the last that was shown */
	int signals;
	int timer;
	uint64_t interval_ns;
	uint64_t watchdog_ns; /* 0: nobody watches */
	uint64_t fed_ns;      /* when the watchdog last heard */
	uint32_t rebuilds;    /* of the engine, that were told */
};

/* Reports ------------------------------------------------------------------- */

static void tell_supervisor(const struct keeper *keeper, const char *before)
{
	char line[256];

	report_line(&keeper->status, line, sizeof(line));
	notify("%sSTATUS=%s", before, line);
}

static void report(struct keeper *keeper, enum report_event event)
{
	struct status status;

	status_take(&keeper->instance, event == REPORT_START ? NULL : &keeper->status,
		    &status);
	keeper->status = status;
	/* Nobody reads it any more, which is no reason to end. */
	if (!report_show(&keeper->instance, &status, event))
		clearerr(stdout);
}

/* Set-up -------------------------------------------------------------------- */

/* Before there are threads, which all leave signals to this one. */
static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int start_ticking(struct keeper *keeper)
{
	const struct run_options *options = keeper->instance.options;
	double interval_s = options->interval_s;
	struct itimerspec period = { 0 };
	uint64_t tick_ns;

	if (interval_s <= 0)
		interval_s = report_is_live(options) ? LIVE_INTERVAL_S : PLAIN_INTERVAL_S;
	keeper->interval_ns = (uint64_t)(interval_s * (double)NS_PER_SECOND);
	keeper->watchdog_ns = notify_watchdog_ns();
	tick_ns = smaller(TICK_NS, keeper->interval_ns);
	if (keeper->watchdog_ns)
		tick_ns = smaller(tick_ns, keeper->watchdog_ns / 4);
	/* A timer of nothing would never tick. */
	tick_ns += !tick_ns;
	period.it_value.tv_sec = (time_t)(tick_ns / NS_PER_SECOND);
	period.it_value.tv_nsec = (long)(tick_ns % NS_PER_SECOND);
	period.it_interval = period.it_value;
	keeper->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (keeper->timer < 0 || timerfd_settime(keeper->timer, 0, &period, NULL)) {
		return complain_of(-errno, "a timer: %s", strerror(errno));
	}
	return 0;
}

/* While it runs --------------------------------------------------------------- */

/* -1: go on; else the exit status. */
static int handle_loss(struct keeper *keeper)
{
	struct instance *instance = &keeper->instance;
	int failure = mk_engine_failure(instance->engine);

	report_break_line();
	complain("the engine is lost", failure);
	report(keeper, REPORT_LOST);
	if (instance->restarts >= instance->options->restarts)
		return EXIT_LOST;
	if (instance_restart(instance))
		return EXIT_LOST;
	keeper->rebuilds = 0;
	report(keeper, REPORT_RESTART);
	return -1;
}

/* The engine has settled it by itself. */
static void tell_rebuild(struct keeper *keeper)
{
	const struct mk_engine_info *info = &keeper->instance.info;

	if (info->rebuilds == keeper->rebuilds)
		return;
	keeper->rebuilds = info->rebuilds;
	report_break_line();
	complain_of(0, "the device was lost and is used again; %u interrupted so far: %s",
		    info->interrupted, info->rebuild_cause);
	report(keeper, REPORT_REBUILD);
}

static int look_after_engine(struct keeper *keeper)
{
	switch (instance_look(&keeper->instance)) {
	case ENGINE_LOST:
		return handle_loss(keeper);
	case ENGINE_ENDED:
		report_break_line();
		fprintf(stderr, "mkrun: the context was shut down\n");
		return EXIT_SUCCESS;
	default:
		tell_rebuild(keeper);
		return -1;
	}
}

static int tick(struct keeper *keeper)
{
	uint64_t expirations, now = now_ns();
	struct mk_io_error error;
	int status;

	if (read(keeper->timer, &expirations, sizeof(expirations)) < 0)
		return -1;
	status = look_after_engine(keeper);
	if (status >= 0)
		return status;
	while (keeper->instance.io && mk_io_next_error(keeper->instance.io, &error)) {
		report_break_line();
		files_tell_error(&error);
	}
	if (keeper->watchdog_ns && now - keeper->fed_ns >= keeper->watchdog_ns / 4) {
		keeper->fed_ns = now;
		notify("WATCHDOG=1");
	}
	/* Ticks are not exact; half a one may be missing. */
	if (now - keeper->status.taken_ns + TICK_NS / 100 >= keeper->interval_ns) {
		report(keeper, REPORT_STATUS);
		tell_supervisor(keeper, "");
	}
	return -1;
}

static void save_snapshot(struct keeper *keeper)
{
	const char *directory = keeper->instance.options->snapshots;
	char path[MK_SNAPSHOT_PATH_BYTES];
	int ret;

	if (!directory)
		directory = getenv("MK_SNAPSHOT_DIR");
	ret = mk_snapshot_save(keeper->instance.context,
			       directory && *directory ? directory : ".",
			       MK_SNAPSHOT_SIGNAL, path);
	report_break_line();
	if (ret)
		complain("save a snapshot", ret);
	else
		complain_of(0, "a snapshot is in %s", path);
}

static bool is_end(const struct signalfd_siginfo *signal)
{
	return signal->ssi_signo == SIGTERM || signal->ssi_signo == SIGINT;
}

static int hear_signal(struct keeper *keeper)
{
	struct signalfd_siginfo signal;

	if (read(keeper->signals, &signal, sizeof(signal)) != sizeof(signal))
		return -1;
	if (is_end(&signal))
		return EXIT_SUCCESS;
	if (signal.ssi_signo == SIGQUIT) {
		save_snapshot(keeper);
		return -1;
	}
	report(keeper, REPORT_STATUS);
	tell_supervisor(keeper, "");
	return -1;
}

/* Until there is an exit status. */
static int keep(struct keeper *keeper)
{
	struct pollfd looks[] = {
		{ .fd = keeper->signals, .events = POLLIN },
		{ .fd = keeper->timer, .events = POLLIN },
		{ .fd = mk_server_descriptor(keeper->instance.server), .events = POLLIN },
	};
	int status = -1;

	while (status < 0) {
		if (poll(looks, 3, -1) < 0 && errno != EINTR) {
			fprintf(stderr, "mkrun: poll: %s\n", strerror(errno));
			return EXIT_FAILURE;
		}
		if (looks[2].revents)
			instance_serve(&keeper->instance);
		if (looks[1].revents)
			status = tick(keeper);
		if (looks[0].revents && status < 0)
			status = hear_signal(keeper);
	}
	return status;
}

/* The end --------------------------------------------------------------------- */

static void leave_at_once(struct keeper *keeper, int status, const char *why)
{
	report_break_line();
	fprintf(stderr, "mkrun: %s\n", why);
	instance_stop_serving(&keeper->instance);
	fflush(NULL);
	/* The device may still write into the context: nothing is freed. */
	_exit(status);
}

static void stop(struct keeper *keeper)
{
	uint64_t begin = now_ns();
	struct signalfd_siginfo signal;

	notify("STOPPING=1\nSTATUS=stopping");
	instance_stop_serving(&keeper->instance);
	while (!instance_stop(&keeper->instance, STOP_LOOK_NS)) {
		if (read(keeper->signals, &signal, sizeof(signal)) == sizeof(signal) &&
		    is_end(&signal))
			leave_at_once(keeper, EXIT_SIGNAL((int)signal.ssi_signo),
				      "a second signal; the device was not waited for");
		if (now_ns() - begin > STOP_LIMIT_NS)
			leave_at_once(keeper, EXIT_DID_NOT_STOP,
				      "the device did not stop");
	}
	report(keeper, REPORT_STOP);
	instance_close(&keeper->instance);
}

int main(int argc, char **argv)
{
	struct keeper keeper = { 0 };
	struct run_options options;
	int status;

	parse_arguments(argc, argv, &options);
	keeper.signals = catch_signals();
	if (keeper.signals < 0) {
		fprintf(stderr, "mkrun: signals: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	if (instance_open(&options, &keeper.instance))
		return EXIT_FAILURE;
	status = start_ticking(&keeper) ? EXIT_FAILURE : -1;
	if (status < 0) {
		report(&keeper, REPORT_START);
		tell_supervisor(&keeper, "READY=1\n");
		status = keep(&keeper);
	}
	stop(&keeper);
	return status;
}
