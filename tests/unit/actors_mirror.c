/*
 * actors_mirror.c — a tap's filter takes what it names, within its budget, while its lease lasts.
 */
#include "actors/mirror/filter.h"
#include "proto/beat.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants those first */
#include <cmocka.h>

static const uint64_t S = 1000000; /* us */

static bool wants(struct filters *fs, const struct msg *m, const char *from, const char *to,
                  uint64_t now_us)
{
	return filter_wants(&fs->all[0], m, str_of(from), str_of(to), now_us);
}

static void begin(struct filters *fs, struct tap_watch w)
{
	*fs = (struct filters){ 0 };
	w.id = 1;
	assert_int_equal(filters_watch(fs, &w, 10 * S), OK);
}

static void each_part_of_a_filter_counts(void **state)
{
	(void)state;
	struct filters fs;
	struct msg pulse = { .type = &beat_pulse_desc,
		             .business = 7,
		             .trace.id = "0123456789abcde" };
	begin(&fs, (struct tap_watch){ 0 });
	assert_true(wants(&fs, &pulse, "a", "b", 10 * S));
	begin(&fs, (struct tap_watch){ .type = str_of("beat.*") });
	assert_true(wants(&fs, &pulse, "a", "b", 10 * S));
	begin(&fs, (struct tap_watch){ .type = str_of("wa.*") });
	assert_false(wants(&fs, &pulse, "a", "b", 10 * S));
	begin(&fs, (struct tap_watch){ .from = str_of("a"), .to = str_of("b*") });
	assert_true(wants(&fs, &pulse, "a", "b/1", 10 * S));
	assert_false(wants(&fs, &pulse, "b/1", "a", 10 * S));
	begin(&fs, (struct tap_watch){ .business = 7 });
	assert_true(wants(&fs, &pulse, "a", "b", 10 * S));
	begin(&fs, (struct tap_watch){ .business = 8 });
	assert_false(wants(&fs, &pulse, "a", "b", 10 * S));
	begin(&fs, (struct tap_watch){ .trace = str_n("0123456789abcde", 16) });
	assert_true(wants(&fs, &pulse, "a", "b", 10 * S));
	begin(&fs, (struct tap_watch){ .trace = str_n("0123456789abcdE", 16) });
	assert_false(wants(&fs, &pulse, "a", "b", 10 * S));
	struct msg tapped = { .type = &tap_seen_desc };
	begin(&fs, (struct tap_watch){ 0 });
	assert_false(wants(&fs, &tapped, "a", "b", 10 * S)); /* a tap on taps has no end */
}

static void between_two_of_a_plain_sample_nobody_looks(void **state)
{
	(void)state;
	struct filters fs;
	struct msg m = { .type = &beat_pulse_desc };
	uint32_t wanted = 0, looks = 0;
	begin(&fs, (struct tap_watch){ .sample = 10 });
	for (uint32_t i = 0, pass = 0; i < 1000; i++) {
		if (pass) {
			pass--;
			continue;
		}
		looks++;
		wanted += wants(&fs, &m, "a", "b", 10 * S);
		pass = filters_pass(&fs);
	}
	assert_int_equal(wanted, 100);
	assert_int_equal(looks, 100);
	begin(&fs, (struct tap_watch){ .sample = 10, .to = str_of("b") }); /* of those to b */
	assert_true(wants(&fs, &m, "a", "b", 10 * S));
	assert_int_equal(filters_pass(&fs), 0);
}

static void budget_and_sample_are_kept(void **state)
{
	(void)state;
	struct filters fs;
	struct msg m = { .type = &beat_pulse_desc };
	begin(&fs, (struct tap_watch){ .rate = 100 });
	int passed = 0;
	for (int i = 0; i < 250; i++)
		passed += wants(&fs, &m, "a", "b", 10 * S + (uint64_t)i);
	assert_int_equal(passed, 100);
	assert_int_equal(fs.all[0].lost, 150);
	assert_true(wants(&fs, &m, "a", "b", 11 * S + 1)); /* a new second */
	begin(&fs, (struct tap_watch){ .sample = 10 });
	for (passed = 0; passed < 1000 && fs.all[0].seen < 1000;)
		passed += wants(&fs, &m, "a", "b", 10 * S);
	assert_int_equal(passed, 100);
	assert_int_equal(fs.all[0].lost, 0); /* what was not sampled is not lost */
}

static void leases_run_out(void **state)
{
	(void)state;
	struct filters fs = { 0 };
	for (uint64_t id = 1; id <= FILTER_MOST; id++)
		assert_int_equal(filters_watch(&fs, &(struct tap_watch){ .id = id }, id * S), OK);
	assert_int_equal(filters_watch(&fs, &(struct tap_watch){ .id = 99 }, 8 * S), ERR_FULL);
	assert_int_equal(filters_watch(&fs, &(struct tap_watch){ .id = 1 }, 8 * S),
	                 OK);       /* renewed */
	filters_expire(&fs, 6 * S); /* those of second 2 and 3 */
	assert_int_equal(fs.n, FILTER_MOST - 2);
	filters_stop(&fs, 1);
	assert_int_equal(fs.n, FILTER_MOST - 3);
	filters_expire(&fs, 100 * S);
	assert_int_equal(fs.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_of_a_filter_counts),
		cmocka_unit_test(between_two_of_a_plain_sample_nobody_looks),
		cmocka_unit_test(budget_and_sample_are_kept),
		cmocka_unit_test(leases_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
