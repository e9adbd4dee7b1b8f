// SPDX-License-Identifier: MIT
#include "replay_result.h"

#include <stdio.h>

#include <json-c/json.h>

#include "trace_commands.h"

/* Goes up when a key changes its meaning or goes; mkinspect-replay(1) lists the keys. */
#define SCHEMA_VERSION 1

static const char *const kind_names[] = {
	[DIFFERENT_OBSERVABLE] = "observable",
	[DIFFERENT_ARENA] = "arena_word",
	[DIFFERENT_EPOCH] = "epoch",
	[DIFFERENT_COMPLETION] = "completion",
};

void result_add(struct replay_result *result, const struct difference *difference)
{
	if (result->differences < DIFFERENCES_TOLD)
		result->told[result->differences] = *difference;
	result->differences++;
}

static uint32_t told_count(const struct replay_result *result)
{
	return result->differences < DIFFERENCES_TOLD ? (uint32_t)result->differences :
							DIFFERENCES_TOLD;
}

/* Text ----------------------------------------------------------------------------- */

static void print_difference(const struct difference *difference)
{
	char where[32] = "at the end";

	if (!difference->at_end)
		snprintf(where, sizeof(where), "epoch %u", difference->epoch);
	switch (difference->kind) {
	case DIFFERENT_OBSERVABLE:
		printf("%s: observable %llu is 0x%llx, was 0x%llx when recorded\n", where,
		       (unsigned long long)difference->index,
		       (unsigned long long)difference->had,
		       (unsigned long long)difference->expected);
		break;
	case DIFFERENT_ARENA:
		printf("%s: word %llu of the arena is 0x%llx, was 0x%llx when recorded\n",
		       where, (unsigned long long)difference->index,
		       (unsigned long long)difference->had,
		       (unsigned long long)difference->expected);
		break;
	case DIFFERENT_EPOCH:
		printf("%s: %llu batches have passed, %llu when recorded\n", where,
		       (unsigned long long)difference->had,
		       (unsigned long long)difference->expected);
		break;
	case DIFFERENT_COMPLETION:
		printf("%s: slot %llu ended with fault %llu, with %llu when recorded\n",
		       where, (unsigned long long)difference->index,
		       (unsigned long long)difference->had,
		       (unsigned long long)difference->expected);
		break;
	}
}

static void print_text(const struct replay_result *result)
{
	printf("%-34s %s\n", "engine", result->engine);
	printf("%-34s %llu\n", "slots published", (unsigned long long)result->published);
	printf("%-34s %llu\n", "completions compared",
	       (unsigned long long)result->completed);
	printf("%-34s %llu\n", "io requests answered",
	       (unsigned long long)result->requests);
	printf("%-34s %llu\n", "ingests", (unsigned long long)result->ingests);
	printf("%-34s %u\n", "epochs compared", result->epochs);
	if (result->epochs_unsettled)
		printf("%-34s %u\n", "  not, as slots were in flight",
		       result->epochs_unsettled);
	printf("%-34s %llu\n", "observables compared at the end",
	       (unsigned long long)result->observables);
	printf("%-34s %llu\n", "words of the arena compared",
	       (unsigned long long)result->arena_words);
	if (result->unfinished)
		printf("%-34s %u\n", "slots that had not ended", result->unfinished);
	printf("%-34s %.3f\n", "seconds", (double)result->ns / 1e9);
	if (!result->has_end)
		printf("the recording ended early, so only epochs and completions were "
		       "compared\n");
	for (uint32_t i = 0; i < told_count(result); i++)
		print_difference(&result->told[i]);
	if (result->differences > DIFFERENCES_TOLD)
		printf("and %llu more\n",
		       (unsigned long long)(result->differences - DIFFERENCES_TOLD));
	if (!result->differences)
		printf("equal\n");
	else if (result->told[0].at_end)
		printf("DIFFERENT at the end\n");
	else
		printf("DIFFERENT from epoch %u on\n", result->told[0].epoch);
}

/* JSON ----------------------------------------------------------------------------- */

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static struct json_object *difference_object(const struct difference *difference)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "kind",
			       json_object_new_string(kind_names[difference->kind]));
	json_object_object_add(object, "at_end",
			       json_object_new_boolean(difference->at_end));
	add_number(object, "epoch", difference->epoch);
	add_number(object, "index", difference->index);
	add_number(object, "recorded", difference->expected);
	add_number(object, "replayed", difference->had);
	return object;
}

static void print_json(const struct replay_result *result)
{
	struct json_object *object = json_object_new_object();
	struct json_object *list = json_object_new_array();

	add_number(object, "schema", SCHEMA_VERSION);
	json_object_object_add(object, "engine", json_object_new_string(result->engine));
	json_object_object_add(object, "equal",
			       json_object_new_boolean(!result->differences));
	add_number(object, "published", result->published);
	add_number(object, "completions_compared", result->completed);
	add_number(object, "io_requests", result->requests);
	add_number(object, "ingests", result->ingests);
	add_number(object, "epochs_compared", result->epochs);
	add_number(object, "epochs_unsettled", result->epochs_unsettled);
	json_object_object_add(object, "has_end",
			       json_object_new_boolean(result->has_end));
	add_number(object, "observables_compared", result->observables);
	add_number(object, "arena_words_compared", result->arena_words);
	add_number(object, "unfinished", result->unfinished);
	add_number(object, "elapsed_ns", result->ns);
	add_number(object, "difference_count", result->differences);
	for (uint32_t i = 0; i < told_count(result); i++)
		json_object_array_add(list, difference_object(&result->told[i]));
	json_object_object_add(object, "differences", list);
	printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
}

int result_print(const struct replay_result *result, bool as_json)
{
	if (as_json)
		print_json(result);
	else
		print_text(result);
	if (fflush(stdout) || ferror(stdout)) {
		perror("mkinspect: writing the result");
		return 1;
	}
	return result->differences ? EXIT_DIFFERENT : 0;
}
