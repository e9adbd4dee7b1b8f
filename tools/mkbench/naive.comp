/* SPDX-License-Identifier: MIT */
/*
 * The obvious design, to compare with: each lane owns a slot, polls it, claims it by
 * compare-and-swap, executes it, counts it in a counter that all share, and says DONE.
 * baseline_naive.c is the host's side.
 */
#version 450

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint iterations = 1u;

#define WORDS	  32u
#define PUBLISHED 1u
#define CLAIMED	  2u
#define DONE	  3u

/* As struct naive_memory. */
layout(set = 0, binding = 0, std430) coherent volatile buffer Memory {
	uint stop;
	uint count;
	uint reserved[30];
	uint observables[WORDS];
	uint slots[];
};

void main()
{
	uint slot = gl_GlobalInvocationID.x * 16u;

	for (uint i = 0u; i < iterations; i++) {
		if ((i & 63u) == 63u && stop != 0u)
			return;
		if (slots[slot] != PUBLISHED ||
		    atomicCompSwap(slots[slot], PUBLISHED, CLAIMED) != PUBLISHED)
			continue;
		memoryBarrierBuffer();
		atomicAdd(observables[slots[slot + 5u] % WORDS], slots[slot + 4u]);
		atomicAdd(count, 1u);
		memoryBarrierBuffer();
		slots[slot] = DONE;
	}
}
