/* SPDX-License-Identifier: MIT */
/*
 * A Vulkan layer that loses devices when a test wants it to: VK_LAYER_MK_reset.  A program
 * that is linked with it steers it by these functions; the loader puts it between the
 * program and the driver.  Of a program that is not, the environment variable MK_RESET_PLAN is
 * the plan: "wait:3,device:1".
 *
 * A software device that is said to be lost has still to end what it runs, since nobody
 * takes that from it: the layer waits for this before it says so.  What a device that is
 * cut off leaves behind is for the program to bring about, in the two calls of struct
 * reset_scene.
 */
#ifndef MK_SELFTESTS_RESET_LAYER_H
#define MK_SELFTESTS_RESET_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The calls that say that a device is lost. */
enum reset_call {
	RESET_NEVER,
	RESET_BEGIN,	/* vkBeginCommandBuffer */
	RESET_SUBMIT,	/* vkQueueSubmit */
	RESET_WAIT,	/* vkWaitForFences */
	RESET_DEVICE,	/* vkCreateDevice; what follows are calls of a rebuild, too */
	RESET_PIPELINE, /* vkCreateComputePipelines */
	RESET_ALLOCATE, /* vkAllocateMemory */
	RESET_BIND,	/* vkBindBufferMemory */
	RESET_FENCE,	/* vkCreateFence */
	RESET_CALLS,
};

/* A step of a plan: the call of number @nth, from 1, after the step before. */
struct reset_step {
	enum reset_call call;
	uint32_t nth;
};

#define RESET_STEPS 8

/* On the thread that makes the call; either may be NULL. */
struct reset_scene {
	void (*before)(void *data); /* while the device runs what it has */
	void (*after)(void *data);  /* when it has ended that */
	void *data;
};

/*
 * Have the loader put it in front of other layers that are asked for, before the first call
 * of Vulkan; MK_RESET_LAYER_DIR is the folder of its manifest.  False: it is not set, which
 * was told.
 */
bool reset_layer_use(void);

/* Forget the last plan and begin this one; NULL for none. */
void reset_layer_plan(const struct reset_step *steps, size_t count,
		      const struct reset_scene *scene);
/* Whether all of its steps have happened, and their scenes are over. */
bool reset_layer_plan_is_over(void);
/* How many of them have. */
size_t reset_layer_steps_over(void);

/*
 * From now on, until it is set free, no fence is signalled: the device hangs.  Waits of
 * a second or more are over at once, as if the time had passed.
 */
void reset_layer_hang(bool hangs);

#endif /* MK_SELFTESTS_RESET_LAYER_H */
