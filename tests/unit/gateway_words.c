/*
 * gateway_words — what the gateway says: problem bodies, access lines, which route a path means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/access.h"
#include "gateway/problem.h"
#include "gateway/route.h"

static const struct trace trace = { .id = { 0xab, [15] = 0xcd }, .span = 1 };

static void says(const struct problem *p, const char *path, const char *want)
{
	struct buf b;
	buf_init(&b, 4096);
	problem_write(&b, p, str_of(path), &trace);
	assert_int_equal(buf_err(&b), OK);
	buf_char(&b, '\0');
	assert_string_equal(b.at, want);
	buf_done(&b);
}

#define ID "\"traceId\":\"ab0000000000000000000000000000cd\","

static void problems(void **state)
{
	struct json_error field = { .pointer = "/limit",
		                    .expected = "a whole number 1..100",
		                    .received = "\"x\"" };
	(void)state;
	says(&(struct problem){ .err = ERR_NOT_FOUND }, "/api/x",
	     "{\"type\":\"/problems/not-found\",\"title\":\"no such thing\",\"status\":404,"
	     "\"instance\":\"/api/x\"," ID "\"success\":false,\"error\":\"no such thing\"}");
	says(&(struct problem){ .err = ERR_INVALID,
	                        .detail = "Invalid from_date format: 'xyz'. Use YYYY-MM-DD" },
	     "/a",
	     "{\"type\":\"/problems/invalid\",\"title\":\"the request makes no "
	     "sense\",\"status\":400,"
	     "\"detail\":\"Invalid from_date format: 'xyz'. Use "
	     "YYYY-MM-DD\",\"instance\":\"/a\"," ID
	     "\"success\":false,\"error\":\"Invalid from_date format: 'xyz'. Use YYYY-MM-DD\"}");
	says(&(struct problem){ .err = ERR_TYPE, .field = &field }, "/a",
	     "{\"type\":\"/problems/type\",\"title\":\"not a type that is taken "
	     "here\",\"status\":400,"
	     "\"detail\":\"/limit: expected a whole number 1..100\",\"instance\":\"/a\"," ID
	     "\"errors\":[{\"pointer\":\"/limit\",\"detail\":\"a whole number 1..100\","
	     "\"received\":\"\\\"x\\\"\"}],\"success\":false,"
	     "\"error\":\"/limit: expected a whole number 1..100\"}");
	says(&(struct problem){ .status = 411 }, "",
	     "{\"type\":\"/problems/length-required\",\"title\":\"Length "
	     "Required\",\"status\":411," ID "\"success\":false,\"error\":\"Length Required\"}");
}

static void retries(void **state)
{
	(void)state;
	assert_int_equal(problem_retry_s(&(struct problem){ .err = ERR_BUSY }), 1);
	assert_int_equal(problem_retry_s(&(struct problem){ .err = ERR_LIMIT, .retry_s = 7 }), 7);
	assert_int_equal(problem_retry_s(&(struct problem){ .err = ERR_NOT_FOUND }), 0);
	assert_int_equal(problem_retry_s(&(struct problem){ .status = 503 }), 0);
	assert_int_equal(problem_status(&(struct problem){ .err = ERR_LIMIT }), 429);
}

static void lines(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 4096);
	access_write(&b, &(struct access_line){ .wall_us = 1700000000000000,
	                                        .method = str_of("GET"),
	                                        .path = str_of("/api/x\" \n"),
	                                        .query = str_of("token=se%20cret&bare&to_date=1"),
	                                        .status = 200,
	                                        .bytes = 12,
	                                        .took_us = 3456,
	                                        .peer = "192.0.2.1",
	                                        .trace = &trace,
	                                        .business = 7,
	                                        .key = 9 });
	buf_char(&b, '\0');
	assert_string_equal(b.at,
	                    "ts=2023-11-14T22:13:20Z msg=request method=GET "
	                    "path=/api/x%22%20%0A?token=&-&to_date= status=200 bytes=12 ms=3.4 "
	                    "peer=192.0.2.1 trace=ab0000000000000000000000000000cd business=7 "
	                    "key=9\n");
	buf_done(&b);
}

static const struct route *found(enum http_method method, const char *path, struct route_match *m)
{
	static char room[256];
	struct arena a = ARENA_OVER(room);
	route_find(method, str_of(path), &a, m);
	return m->route;
}

static void paths(void **state)
{
	struct route_match m;
	char allow[80];
	(void)state;
	assert_string_equal(found(HTTP_GET, "/livez", &m)->path, "/livez");
	assert_string_equal(found(HTTP_HEAD, "/livez", &m)->path, "/livez");
	assert_non_null(found(HTTP_POST, "/api/whatsapp/messages/4%2f5/release", &m));
	assert_int_equal(m.n_params, 1);
	assert_true(str_is(m.params[0].name, "id") && str_is(m.params[0].value, "4/5"));
	assert_null(found(HTTP_GET, "/api/whatsapp/messages/45/release", &m));
	route_allow(m.methods, allow, sizeof allow);
	assert_string_equal(allow, "POST, OPTIONS");
	static const char *const none[] = { "/",
		                            "/livez/",
		                            "//livez",
		                            "/LIVEZ",
		                            "/livez/x",
		                            "/api",
		                            "/api/whatsapp/messages//release",
		                            "/api/whatsapp/messages/%ff/release",
		                            "/api/whatsapp/messages/4/5/release" };
	for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
		assert_null(found(HTTP_GET, none[i], &m));
		assert_int_equal(m.methods, 0);
	}
}

/* No path twice with one method; every message route has a reply; parameters are fields. */
static void table_is_sound(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < routes_n; i++) {
		const struct route *r = &routes[i];
		for (uint32_t k = 0; k < i; k++)
			assert_false(routes[k].method == r->method &&
			             !strcmp(routes[k].path, r->path));
		assert_true(r->to ? r->takes && r->takes->reply : r->run != NULL);
		assert_true(r->within_ms && strlen(r->doc));
		bool scoped = r->permit.kind == PERMIT_KIND_KEY ||
		              r->permit.kind == PERMIT_KIND_LOOPBACK_OR;
		assert_int_equal(scoped, r->permit.scope != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(problems),       cmocka_unit_test(retries),
		cmocka_unit_test(lines),          cmocka_unit_test(paths),
		cmocka_unit_test(table_is_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
