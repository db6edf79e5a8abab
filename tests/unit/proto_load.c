/* proto_load.c — a schema read while a program runs gives the very tables that were compiled. */
#include "proto/codec.h"
#include "proto/msgc/files.h"
#include "proto/msgc/load.h"
#include "proto/registry.h"
#include "proto/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int n_files;
static char **files;

static void same_type(const struct proto_desc *a, const struct proto_desc *b);

static void same_enum(const struct proto_enum *a, const struct proto_enum *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->n_values, b->n_values);
	for (uint32_t i = 0; i < a->n_values; i++) {
		assert_string_equal(a->values[i].name, b->values[i].name);
		assert_int_equal(a->values[i].number, b->values[i].number);
	}
}

static void same_field(const struct proto_field *a, const struct proto_field *b)
{
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->json, b->json);
	assert_string_equal(a->doc, b->doc);
	assert_int_equal(a->number, b->number);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->optional, b->optional);
	assert_int_equal(a->secret, b->secret);
	assert_int_equal(a->list, b->list);
	assert_int_equal(a->offset, b->offset);
	assert_int_equal(a->max, b->max);
	assert_int_equal(a->most, b->most);
	assert_true(a->least == b->least && a->highest == b->highest);
	assert_true(a->from == b->from && a->to == b->to);
	assert_int_equal(!a->of_enum, !b->of_enum);
	assert_int_equal(!a->of_record, !b->of_record);
	if (a->of_enum)
		same_enum(a->of_enum, b->of_enum);
	if (a->of_record)
		same_type(a->of_record, b->of_record);
}

static void same_view(const struct proto_view *a, const struct proto_view *b)
{
	assert_int_equal(a->offset, b->offset);
	assert_int_equal(a->item, b->item);
	assert_int_equal(a->max, b->max);
	assert_int_equal(a->each, b->each);
	assert_int_equal(a->of_str, b->of_str);
	assert_int_equal(!a->of_record, !b->of_record);
}

static void same_type(const struct proto_desc *a, const struct proto_desc *b)
{
	assert_string_equal(a->group, b->group);
	assert_string_equal(a->full, b->full);
	assert_string_equal(a->doc, b->doc);
	assert_int_equal(a->number, b->number);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->blob, b->blob);
	assert_int_equal(a->n_fields, b->n_fields);
	assert_int_equal(a->n_views, b->n_views);
	assert_int_equal(a->lists, b->lists);
	assert_true(a->required == b->required);
	assert_int_equal(!a->reply, !b->reply);
	if (a->reply)
		assert_string_equal(a->reply->full, b->reply->full);
	for (uint32_t i = 0; i < a->n_fields; i++)
		same_field(&a->fields[i], &b->fields[i]);
	for (uint32_t i = 0; i < a->n_views; i++)
		same_view(&a->views[i], &b->views[i]);
}

static void equals_the_compiled(void **state)
{
	(void)state;
	struct schema s;
	uint32_t n = 0;
	schema_init(&s);
	for (int i = 0; i < n_files; i++)
		assert_true(schema_read(&s, files[i], false, stderr));
	schema_check(&s);
	assert_int_equal(s.n_errors, 0);
	for (const struct group *g = s.groups; g; g = g->next) {
		for (const struct decl *d = g->decls; d && !g->foreign; d = d->next) {
			if (d->kind != DECL_MESSAGE)
				continue;
			const struct proto_desc *compiled =
				proto_by_name(str_of(schema_full(&s, d)));
			assert_non_null(compiled);
			same_type(schema_desc(&s, d), compiled);
			n++;
		}
	}
	assert_int_equal(n, proto_all_n);
	schema_done(&s);
}

static bool load_text(const char *text)
{
	char dir[] = "/tmp/proto_load.XXXXXX", path[64];
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/late.msg", dir);
	FILE *f = fopen(path, "we"), *nowhere = fopen("/dev/null", "we");
	assert_true(f && nowhere);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	bool good = schema_load((const char *const[]){ dir }, 1, nowhere);
	(void)fclose(nowhere);
	(void)unlink(path);
	(void)rmdir(dir);
	return good;
}

static void speaks_what_it_learned(void **state)
{
	(void)state;
	static max_align_t room[512];
	struct arena a = ARENA_OVER(room);
	const struct proto_desc *type;
	const void *body;
	char wire[256], again[256];
	size_t n, m;
	assert_null(proto_by_name(str_of("late.hello")));
	assert_true(load_text(
		"group late 199\n\nrecord who\n  \"W.\"\n  1 name str 9 \"n\"\n\n"
		"message hello 3 -> hello\n  \"H.\"\n  1 a u8 \"n\"\n  2 all who list 4 \"a\"\n"
		"  3 b u64 \"n\"\n\nmessage other 900\n  \"O.\"\n"));
	assert_int_equal(text_read(str_of("late.hello{a=7 all=[{name=\"x\"}, {name=\"yz\"}] b=9}"),
	                           &a, &type, &body, NULL),
	                 OK);
	assert_ptr_equal(proto_by_number(199 << 16 | 3), type);
	assert_ptr_equal(type->reply, type);
	assert_int_equal(proto_by_number(199 << 16 | 900)->n_fields, 0);
	assert_null(proto_by_number(199 << 16 | 4));
	assert_int_equal(proto_encode(type, body, wire, sizeof wire, &n, NULL), OK);
	void *back = arena_take(&a, type->size, 16);
	memset(back, 0, type->size);
	assert_int_equal(proto_decode(type, str_n(wire, n), back, &a, NULL), OK);
	assert_int_equal(proto_encode(type, back, again, sizeof again, &m, NULL), OK);
	assert_int_equal(n, m);
	assert_memory_equal(wire, again, n);
}

static void refuses_what_is_taken(void **state)
{
	(void)state;
	assert_true(
		load_text("group late 199\n\nmessage hello 3\n  \"H.\"\n")); /* known: no news */
	assert_false(load_text("group late 199\n\nmessage hello 4\n  \"H.\"\n"));
	assert_false(load_text(
		"group late 199\n\nmessage fresh 8\n  \"F.\"\n\nmessage hallo 3\n  \"H.\"\n"));
	assert_null(proto_by_name(str_of("late.fresh"))); /* all or nothing */
	assert_false(load_text("group late 199\n\nmessage broken 9\n"));
	FILE *nowhere = fopen("/dev/null", "we");
	assert_non_null(nowhere);
	assert_false(schema_load((const char *const[]){ "/nowhere.msg" }, 1, nowhere));
	(void)fclose(nowhere);
}

int main(int argc, char **argv)
{
	n_files = argc - 1;
	files = argv + 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_the_compiled),
		cmocka_unit_test(speaks_what_it_learned),
		cmocka_unit_test(refuses_what_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
