/*
 * port_frames.c — frames come out as they went in, however the stream cuts them, within the bounds.
 */
#include "actors/port/frames.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <stdlib.h>

static void feed(struct frames *to, struct frames *from, uint32_t most)
{
	struct str w = frames_waiting(from);
	char *at;
	uint32_t cap, n = w.len < most ? w.len : most;
	assert_int_equal(frames_room(to, &at, &cap), OK);
	n = n < cap ? n : cap;
	memcpy(at, w.at, n);
	frames_took(to, n);
	frames_wrote(from, n);
}

static void any_cut_gives_the_same_frames(void **state)
{
	(void)state;
	struct frames a, b;
	assert_int_equal(frames_init(&a, 8 << 20), OK);
	assert_int_equal(frames_init(&b, 8 << 20), OK);
	srand(7);
	uint32_t put = 0, got = 0;
	while (got < 3000) {
		uint32_t len = rand() % 100 ? (uint32_t)rand() % 300 : (uint32_t)rand() % 100000;
		char *at;
		if (put < 3000 && rand() % 2) {
			assert_int_equal(frames_put(&a, 4 + len, &at), OK);
			memset(at + 4, (int)(put++ & 0xff), len);
		}
		if (frames_waiting(&a).len)
			feed(&b, &a, 1 + (uint32_t)rand() % 5000);
		struct str f;
		enum err e;
		while (frames_next(&b, &f, &e)) {
			for (uint32_t i = 4; i < f.len; i++)
				assert_int_equal((uint8_t)f.at[i], got & 0xff);
			got++;
		}
		assert_int_equal(e, OK);
	}
	assert_int_equal(got, put);
	frames_done(&a);
	frames_done(&b);
}

static void bounds_hold_both_ways(void **state)
{
	(void)state;
	struct frames f;
	char *at;
	uint32_t cap;
	assert_int_equal(frames_init(&f, 1000), OK);
	assert_int_equal(frames_put(&f, 500, &at), OK);
	assert_int_equal(frames_put(&f, 501, &at), ERR_FULL);
	assert_int_equal(frames_put(&f, 500, &at), OK);
	assert_int_equal(frames_put(&f, FRAMES_MOST + 1, &at), ERR_TOO_LARGE);
	assert_int_equal(f.refused, 1);
	struct str s;
	enum err e;
	assert_int_equal(frames_room(&f, &at, &cap), OK);
	static const uint8_t too_long[4] = { 0xfd, 0xff, 0x0f,
		                             0x00 }; /* 1 MiB + 1 with its length */
	memcpy(at, too_long, sizeof too_long);
	frames_took(&f, 4);
	assert_false(frames_next(&f, &s, &e));
	assert_int_equal(e, ERR_TOO_LARGE);
	assert_false(frames_next(&f, &s, &e)); /* for good */
	assert_int_equal(e, ERR_TOO_LARGE);
	frames_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_cut_gives_the_same_frames),
		cmocka_unit_test(bounds_hold_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
