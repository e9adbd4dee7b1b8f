// SPDX-License-Identifier: MIT
/* The loop around all that is measured one by one. */
#include "sampling.h"

#include <errno.h>

#include "bench.h"
#include "progress.h"

static int fill(const struct sampling *sampling, struct sampler *sampler)
{
	uint64_t begin = now_ns(), elapsed_ns;

	for (uint32_t i = 0; i < sampling->warm_up + sampling->samples; i++) {
		int error;

		if (i % sampling->between_looks == 0) {
			progress_show(sampling->name,
				      (double)sampler->count / sampling->samples);
			if (interrupted())
				return -EINTR;
			if (sampler->count && now_ns() - begin > sampling->limit_ns)
				return 0;
		}
		error = sampling->take(sampling->argument, &elapsed_ns);
		if (error)
			return error;
		if (i >= sampling->warm_up)
			sampler_add(sampler, elapsed_ns);
		if (i + 1 == sampling->warm_up)
			begin = now_ns();
	}
	return 0;
}

int take_samples(const struct sampling *sampling, struct distribution *result)
{
	struct sampler sampler;
	int error = sampler_init(&sampler, sampling->samples);

	if (error)
		return error;
	error = fill(sampling, &sampler);
	progress_end();
	sampler_finish(&sampler, result);
	return error;
}
