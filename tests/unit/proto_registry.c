/* proto_registry.c — every type is found by its number and by its name, and no other is. */
#include "proto/packet.h"
#include "proto/test.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void finds_all(void **state)
{
	(void)state;
	uint32_t last = 0;
	for (uint32_t i = 0; i < proto_all_n; i++) {
		const struct proto_desc *d = proto_all[i];
		assert_true(d->number > last);
		last = d->number;
		assert_ptr_equal(proto_by_number(d->number), d);
		assert_ptr_equal(proto_by_name(str_of(d->full)), d);
	}
	assert_null(proto_all[proto_all_n]);
	assert_ptr_equal(proto_by_number(99 << 16 | 1), &test_ping_desc);
	assert_ptr_equal(proto_by_name(str_of("packet.envelope")), &packet_envelope_desc);
	assert_ptr_equal(test_ping_desc.reply, &test_pong_desc);
}

static void finds_no_other(void **state)
{
	(void)state;
	static const uint32_t numbers[] = {
		0, 1, 99 << 16, 99 << 16 | 1000, 98 << 16 | 1, UINT32_MAX, 300 << 16 | 1
	};
	static const char *const names[] = { "",         "t",          "test",    "test.",
		                             "test.pin", "test.pingg", "zzz.zzz", "test.leg" };
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		assert_null(proto_by_number(numbers[i]));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_null(proto_by_name(str_of(names[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_all),
		cmocka_unit_test(finds_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
