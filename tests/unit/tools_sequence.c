/*
 * tools_sequence.c — the drawing is what the header shows, and stays within its bounds.
 */
#include "tools/tap/sequence.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <stdio.h>

static void add(struct sequence *s, const char *from, const char *to, const char *label,
                uint64_t id, uint64_t re)
{
	sequence_add(s, str_of(from), str_of(to), str_of(label), id, re);
}

static void there_and_back(void **state)
{
	(void)state;
	struct sequence s;
	struct buf out;
	assert_int_equal(sequence_init(&s), OK);
	buf_init(&out, 1 << 16);
	add(&s, "gateway", "dedupe/17", "wa.batch", 41, 0);
	add(&s, "dedupe/17", "store", "wa.insert", 42, 0);
	add(&s, "store", "dedupe/17", "wa.inserted", 7, 42);
	add(&s, "dedupe/17", "dedupe/17", "wa.tick", 43, 0);
	sequence_text(&s, &out);
	static const char text[] = "gateway         dedupe/17       store\n"
				   "├───wa.batch───▶│               │  #41\n"
				   "│               ├──wa.insert───▶│  #42\n"
				   "│               │◀─wa.inserted──┤  #7 re 42\n"
				   "│               │               │  wa.tick (to itself)  #43\n";
	buf_char(&out, '\0');
	assert_string_equal(out.at, text);
	buf_clear(&out);
	sequence_mermaid(&s, &out);
	buf_char(&out, '\0');
	assert_string_equal(out.at, "sequenceDiagram\n"
	                            "  participant p0 as gateway\n"
	                            "  participant p1 as dedupe/17\n"
	                            "  participant p2 as store\n"
	                            "  p0->>p1: wa.batch #41\n"
	                            "  p1->>p2: wa.insert #42\n"
	                            "  p2-->>p1: wa.inserted re 42\n"
	                            "  p1->>p1: wa.tick #43\n");
	buf_done(&out);
	sequence_done(&s);
}

static void bounds_hold(void **state)
{
	(void)state;
	struct sequence s;
	char from[32];
	assert_int_equal(sequence_init(&s), OK);
	for (uint32_t i = 0; i < SEQUENCE_STEPS + 5; i++) {
		(void)snprintf(from, sizeof from, "actor/%u", i);
		add(&s, from, "store", "x.y", i, 0);
	}
	assert_int_equal(s.n_lanes, SEQUENCE_LANES);
	assert_string_equal(s.lanes[SEQUENCE_LANES - 1], "others");
	assert_int_equal(s.n_steps, SEQUENCE_STEPS);
	assert_int_equal(s.left_out, 5);
	sequence_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(bounds_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
