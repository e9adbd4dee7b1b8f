/* SPDX-License-Identifier: MIT */
/*
 * Answers the host while it runs, with the loads and stores of the resident kernel, for
 * a bounded number of looks: what libmk/src/probe.c learns from.
 */
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_memory_scope_semantics : require
#pragma use_vulkan_memory_model

layout(local_size_x = 1) in;

#include "probe_layout.h"
#include "ordering.glsl"

layout(set = 0, binding = 0, std430) nonprivate buffer Inbound { uint inbound[]; };
layout(set = 0, binding = 1, std430) nonprivate buffer Outbound { uint outbound[]; };

layout(push_constant) uniform Parameters {
	uint looks;
} parameters;

void main()
{
	uint looks = parameters.looks, seen = 0u;
	uint number;

	do {
		number = MK_LOAD_RELAXED(inbound[MK_PROBE_ROUND]);
		if (number != seen && number != MK_PROBE_STOP) {
			MK_ACQUIRE();
			outbound[MK_PROBE_PAYLOAD] = inbound[MK_PROBE_PAYLOAD];
			MK_STORE_RELEASE(outbound[MK_PROBE_ROUND], number);
			seen = number;
		}
		looks--;
	} while (number != MK_PROBE_STOP && looks != 0u);
	outbound[MK_PROBE_SEEN] = seen;
	/*
	 * What a shader never stores to, a compiler may take for constant, also for atomic
	 * loads: RADV then loads the round once, ahead of the loop, and the payload through
	 * the scalar cache.  The resident kernel stores to all that it polls.
	 */
	inbound[MK_PROBE_SEEN] = seen;
}
