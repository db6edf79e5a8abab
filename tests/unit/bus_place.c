/*
 * Where hashed actors live: a node that comes or goes moves its own share and nothing else. And
 * what a key's card lets through.
 */
#include "bus/access.h"
#include "bus/place.h"
#include "proto/beat.h"
#include "proto/lease.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { KEYS = 20000, NODES = 10 };

static int owner(int key, int nodes, int without)
{
	char text[16];
	snprintf(text, sizeof text, "%d", key);
	uint64_t best = 0;
	int who = -1;
	for (int i = 0; i < nodes; i++) {
		char name[16];
		snprintf(name, sizeof name, "ingest#%d", i);
		uint64_t w = place_weight(str_of(name), str_of("dedupe"), str_of(text));
		if (i != without && (who < 0 || w > best)) {
			best = w;
			who = i;
		}
	}
	return who;
}

static void shares_are_even(void **state)
{
	int share[NODES] = { 0 };
	(void)state;
	for (int k = 0; k < KEYS; k++)
		share[owner(k, NODES, -1)]++;
	for (int i = 0; i < NODES; i++)
		assert_in_range(share[i], KEYS / NODES * 9 / 10, KEYS / NODES * 11 / 10);
}

static void a_leaver_moves_only_its_share(void **state)
{
	(void)state;
	for (int k = 0; k < KEYS; k++) {
		int before = owner(k, NODES, -1), after = owner(k, NODES, 3);
		assert_true(before == 3 ? after != 3 : after == before);
	}
}

static void a_comer_takes_only_its_share(void **state)
{
	(void)state;
	for (int k = 0; k < KEYS; k++) {
		int before = owner(k, NODES, -1), after = owner(k, NODES + 1, -1);
		assert_true(after == before || after == NODES);
	}
}

static void kind_and_key_do_not_run_together(void **state)
{
	(void)state;
	struct str n = str_of("n");
	assert_true(place_weight(n, str_of("ab"), str_of("c")) !=
	            place_weight(n, str_of("a"), str_of("bc")));
}

static void a_card_names_kinds_groups_and_nodes(void **state)
{
	struct key_card card = { .name = "ingest", .host = "dedupe assistant", .send = "beat" };
	struct row row = { .n_kinds = 1, .kinds = { "dedupe" } };
	char why[ACCESS_WHY_BYTES];
	(void)state;
	const char *good[] = { "ingest", "ingest#12", "ingest.berlin" };
	const char *bad[] = { "ingester", "inges", "x", "ingest-2" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		str_keep(row.name, sizeof row.name, str_of(good[i]));
		assert_int_equal(access_admit(&card, &row, why), OK);
	}
	assert_true(row_may_send(&row, beat_alive_desc.number));
	assert_false(row_may_send(&row, lease_take_desc.number));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		str_keep(row.name, sizeof row.name, str_of(bad[i]));
		assert_int_equal(access_admit(&card, &row, why), ERR_DENIED);
	}
	str_keep(row.name, sizeof row.name, str_of("ingest"));
	str_keep(card.send, sizeof card.send, str_of("*"));
	assert_int_equal(access_admit(&card, &row, why), OK);
	assert_true(row_may_send(&row, lease_take_desc.number));
	str_keep(card.send, sizeof card.send,
	         str_of("beat, 200 201x 7000")); /* of a program outside */
	assert_int_equal(access_admit(&card, &row, why), OK);
	assert_true(row_may_send(&row, 200u << 16 | 1));
	assert_true(row_may_send(&row, beat_alive_desc.number));
	assert_false(row_may_send(&row, 201u << 16 | 1));
	assert_false(row_may_send(&row, (7000u & 255) << 16 | 1));
	str_keep(card.send, sizeof card.send, str_of(""));
	assert_int_equal(access_admit(&card, &row, why), OK);
	assert_false(row_may_send(&row, beat_alive_desc.number));
	str_keep(row.kinds[0], sizeof row.kinds[0], str_of("store"));
	assert_int_equal(access_admit(&card, &row, why), ERR_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_even),
		cmocka_unit_test(a_leaver_moves_only_its_share),
		cmocka_unit_test(a_comer_takes_only_its_share),
		cmocka_unit_test(kind_and_key_do_not_run_together),
		cmocka_unit_test(a_card_names_kinds_groups_and_nodes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
