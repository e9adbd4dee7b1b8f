/* SPDX-License-Identifier: MIT */
/* The resident kernel: one bounded dispatch of it.  Compiled by tools/mkcc. */
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_vote : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#pragma use_vulkan_memory_model

/* The host makes it one subgroup of the device's. */
layout(local_size_x_id = 0) in;
/* A constant, so that no division is left where lanes are counted. */
const uint mk_lanes = gl_WorkGroupSize.x;

#include "memory.glsl"
#include "handler.glsl"
#include "io.glsl"
/* Written by mkcc: users' handlers, mk_call_handler() and mk_call_ingest(). */
#include "mk_handlers.glsl"
#include "operations.glsl"
#include "packed.glsl"
#include "complete.glsl"
#include "execute.glsl"
#include "ingest.glsl"
#include "look_io.glsl"
#include "look.glsl"
#include "schedule.glsl"

/*
 * What a shader never stores to, a compiler may take for constant: RADV would then load the
 * arena through the scalar cache, and when it likes, and no fence would matter.  So there is
 * a store for each buffer; for the arena it is this one, which is never executed, since no
 * arena is so large.
 */
void mk_keep_arena_mutable()
{
	if (parameters.arena_words == 0xffffffffu)
		arena[0] = 0u;
}

void main()
{
	mk_keep_arena_mutable();
	mk_lane = gl_SubgroupInvocationID;
	mk_block_count = (parameters.slot_count + mk_lanes - 1u) / mk_lanes;
	mk_budget = parameters.steps;
	mk_idle = 0u;
	mk_voted_idle = false;
	mk_begin_counting();
	mk_read_priorities();
	if (!mk_register())
		return;
	if (mk_worker < mk_block_count) {
		mk_work();
	} else if (subgroupElect()) {
		/* It has nothing to look at. */
		mk_change_vote(true);
	}
	mk_leave();
}
