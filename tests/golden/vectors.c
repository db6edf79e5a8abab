/*
 * vectors.c — bodies as bytes and as JSON, to hold the JavaScript codec against ours.
 *
 *     vectors write       one body a line: TYPE HEX JSON
 *     vectors check       reads such lines; ends with 1 at the first that C would not write so
 */
#include "proto/codec.h"
#include "proto/json.h"
#include "proto/test.h"
#include "tests/schema/any.h"
#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 400, ROOM = 1 << 16 };

static const struct proto_desc *const types[] = {
	&test_ping_desc,  &test_usual_desc, &test_every_desc,  &test_maybe_desc,
	&test_lists_desc, &test_empty_desc, &test_masked_desc,
};
enum { TYPES = sizeof types / sizeof types[0] };

static max_align_t arena_bytes[ROOM], other_bytes[ROOM];

static int write_vectors(void)
{
	struct buf json;
	buf_init(&json, ROOM);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct arena arena = ARENA_OVER(arena_bytes);
		struct any a = { .state = seed * 7919, .arena = &arena };
		const struct proto_desc *type = types[seed % TYPES];
		max_align_t body[64];
		char wire[ROOM];
		size_t len = 0;
		buf_clear(&json);
		if (!any_body(&a, type, body) ||
		    proto_encode(type, body, wire, sizeof wire, &len, NULL) ||
		    json_write(&json, type, body, 0))
			return 1;
		printf("%s ", type->full);
		for (size_t i = 0; i < len; i++)
			printf("%02x", (unsigned char)wire[i]);
		printf(" %.*s\n", STR(buf_view(&json)));
	}
	buf_done(&json);
	return 0;
}

static size_t from_hex(const char *hex, size_t n, char *to)
{
	for (size_t i = 0; i + 1 < n; i += 2) {
		const char pair[3] = { hex[i], hex[i + 1], '\0' };
		to[i / 2] = (char)strtoul(pair, NULL, 16);
	}
	return n / 2;
}

/* TYPE HEX JSON: the bytes decode, say what the JSON says, and encode to themselves. */
static bool check(char *line)
{
	struct arena arena = ARENA_OVER(arena_bytes), other = ARENA_OVER(other_bytes);
	static char wire[ROOM], again[ROOM];
	max_align_t body[64], said[64];
	size_t len = 0;
	char *hex = strchr(line, ' ');
	char *json = hex ? strchr(hex + 1, ' ') : NULL;
	if (!json)
		return false;
	*hex++ = '\0';
	*json++ = '\0';
	const struct proto_desc *type = proto_by_name(str_of(line));
	size_t n = from_hex(hex, strlen(hex), wire);
	return type && !proto_decode(type, str_n(wire, n), body, &arena, NULL) &&
	       !json_decode(type, str_of(json), 0, &other, said, NULL) &&
	       same_body(type, body, said) &&
	       !proto_encode(type, body, again, sizeof again, &len, NULL) && len == n &&
	       !memcmp(again, wire, n);
}

static int check_vectors(void)
{
	char *line = NULL;
	size_t cap = 0, n = 0;
	ssize_t len;
	while ((len = getline(&line, &cap, stdin)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		n++;
		if (!check(line)) {
			fprintf(stderr, "vectors: line %zu, %s: C says otherwise\n", n, line);
			free(line);
			return 1;
		}
	}
	free(line);
	printf("%zu\n", n);
	return 0;
}

int main(int argc, char **argv)
{
	return argc > 1 && !strcmp(argv[1], "check") ? check_vectors() : write_vectors();
}
