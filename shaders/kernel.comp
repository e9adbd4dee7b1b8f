/* SPDX-License-Identifier: MIT */
/* The resident kernel: one bounded dispatch of it.  Compiled by tools/mkcc. */
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_memory_scope_semantics : require
#pragma use_vulkan_memory_model

layout(local_size_x = 1) in;

#include "memory.glsl"
#include "handler.glsl"
/* Written by mkcc: users' handlers, and mk_call_handler() that knows them all. */
#include "mk_handlers.glsl"
#include "operations.glsl"
#include "packed.glsl"
#include "complete.glsl"
#include "execute.glsl"
#include "schedule.glsl"

void main()
{
	if (gl_LocalInvocationIndex != 0u)
		return;
	mk_budget = parameters.steps;
	mk_idle = 0u;
	mk_voted_idle = false;
	mk_begin_counting();
	mk_read_priorities();
	if (!mk_register())
		return;
	if (mk_worker < parameters.window_count) {
		mk_work();
	} else {
		mk_idle = parameters.idle_looks;
		mk_vote();
	}
}
