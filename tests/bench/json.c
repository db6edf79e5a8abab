/*
 * json.c — what reading a JSON message costs; jansson beside it, in the same run.
 *
 *     build/tests/bench/bench_json        ns per document and MB/s, median of 7 rounds, one core
 */
#include "proto/json.h"
#include "proto/json_js.h"
#include "tests/unit/jansson_oracle.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 7, TIMES = 100000 };

/* A WhatsApp message as Baileys posts it, ids and keys of their real length. */
static const char baileys[] =
	"{\"key\":{\"remoteJid\":\"972501234567@s.whatsapp.net\",\"fromMe\":false,\"id\":"
	"\"3EB0C431C26A1916E07E\","
	"\"participant\":\"\",\"remoteJidAlt\":\"123456789012345@lid\",\"addressingMode\":\"pn\"},"
	"\"messageTimestamp\":1757003003,\"pushName\":\"\xd7\x93\xd7\xa0\xd7\x94 "
	"Cohen\",\"broadcast\":false,"
	"\"message\":{\"extendedTextMessage\":{\"text\":\"Hello, here is the receipt for the "
	"second visit, "
	"please confirm when it has arrived.\\nThank "
	"you!\",\"contextInfo\":{\"stanzaId\":\"3EB0A1B2C3D4E5F60718\","
	"\"participant\":\"972507654321@s.whatsapp.net\"}},\"messageContextInfo\":{"
	"\"deviceListMetadataVersion\":2,"
	"\"messageSecret\":\"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=\"}}}";

struct line {
	struct str jid, id, text, name;
	uint64_t t;
};

struct upsert_key {
	struct str remote, id;
	bool from_me;
};

struct upsert {
	struct upsert_key key;
	uint64_t t;
	struct str name;
	struct str message;
};

#define FIELD(type, member, json_name, num, of_kind, ...)                                          \
	{                                                                                          \
		.name = #member, .json = (json_name), .number = (num), .kind = (of_kind),          \
		.offset = offsetof(struct type, member), __VA_ARGS__                               \
	}

static const struct proto_field key_fields[] = {
	FIELD(upsert_key, remote, "remoteJid", 1, PROTO_STR, .max = 128),
	FIELD(upsert_key, id, "id", 2, PROTO_STR, .max = 64),
	FIELD(upsert_key, from_me, "fromMe", 3, PROTO_BOOL, .optional = true),
};
static const struct proto_desc key_desc = {
	.full = "bench.key", .size = sizeof(struct upsert_key), .n_fields = 3, .fields = key_fields
};
static const struct proto_field upsert_fields[] = {
	FIELD(upsert, key, "key", 1, PROTO_RECORD, .of_record = &key_desc),
	FIELD(upsert, t, "messageTimestamp", 2, PROTO_U64),
	FIELD(upsert, name, "pushName", 3, PROTO_STR, .max = 256, .optional = true),
	FIELD(upsert, message, "message", 4, PROTO_JSON, .max = 65536, .optional = true),
};
static const struct proto_desc upsert_desc = { .full = "bench.upsert",
	                                       .size = sizeof(struct upsert),
	                                       .n_fields = 4,
	                                       .fields = upsert_fields };

static char room[1 << 16] __attribute__((aligned(8)));
static const struct str doc = { .at = baileys, .len = sizeof baileys - 1 };

static void must(bool good)
{
	if (!good) {
		(void)fputs("bench: refused\n", stderr);
		exit(1);
	}
}

static void check(void)
{
	must(json_check(doc) == OK);
}

static void table(void)
{
	struct arena a = ARENA_OVER(room);
	struct upsert u;
	must(json_decode(&upsert_desc, doc, JSON_FOREIGN, &a, &u, NULL) == OK);
}

/* What the WhatsApp parser does: every text that is kept, through two objects. */
static void walk(void)
{
	struct arena a = ARENA_OVER(room);
	struct line l = { 0 };
	struct json j;
	struct str key, inner, part;
	json_init(&j, doc, JSON_FOREIGN);
	json_object(&j);
	while (json_key(&j, &key)) {
		if (str_is(key, "messageTimestamp")) {
			json_js_u64(&j, &l.t);
		} else if (str_is(key, "pushName")) {
			json_string(&j, &a, &l.name);
		} else if (str_is(key, "key")) {
			json_object(&j);
			while (json_key(&j, &inner)) {
				if (str_is(inner, "remoteJid"))
					json_string(&j, &a, &l.jid);
				else if (str_is(inner, "id"))
					json_string(&j, &a, &l.id);
				else
					json_skip(&j);
			}
		} else if (str_is(key, "message")) {
			json_object(&j);
			while (json_key(&j, &inner)) {
				if (!str_is(inner, "extendedTextMessage")) {
					json_skip(&j);
					continue;
				}
				json_object(&j);
				while (json_key(&j, &part)) {
					if (str_is(part, "text"))
						json_string(&j, &a, &l.text);
					else
						json_skip(&j);
				}
			}
		} else {
			json_skip(&j);
		}
	}
	must(json_end(&j) == OK && l.text.len && l.t);
}

static void jansson(void)
{
	const char *why;
	bool meant;
	struct oracle *tree = oracle_load(doc, &why, &meant);
	must(tree != NULL);
	oracle_free(tree);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double round_ns(void (*run)(void))
{
	struct timespec from, to;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < TIMES; i++)
		run();
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	       TIMES;
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} what[] = { { "check", check },
		     { "decode by table", table },
		     { "hand-written walk", walk },
		     { "jansson tree", jansson } };
	double ns[4][ROUNDS];
	for (int r = 0; r < ROUNDS; r++) /* in turns, so that a busy moment hits all alike */
		for (int w = 0; w < 4; w++)
			ns[w][r] = round_ns(what[w].run);
	printf("%u bytes\n", doc.len);
	for (int w = 0; w < 4; w++) {
		qsort(ns[w], ROUNDS, sizeof **ns, by_value);
		double median = ns[w][ROUNDS / 2];
		printf("%-18s %7.0f ns %7.0f MB/s\n", what[w].name, median, doc.len * 1e3 / median);
	}
	return 0;
}
