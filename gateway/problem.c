/*
 * problem.c — problem.h.
 */
#include "gateway/problem.h"
#include "gateway/http.h"
#include <stdio.h>

int problem_status(const struct problem *p)
{
	return p->status ? p->status : err_info(p->err)->http;
}

uint32_t problem_retry_s(const struct problem *p)
{
	bool later = !p->status && err_info(p->err)->retry && err_info(p->err)->http >= 429;
	return p->retry_s ? p->retry_s : later ? 1 : 0;
}

/* "NOT_FOUND" and "Not Found" both become "/problems/not-found". */
static void put_type(struct buf *b, const char *name)
{
	char slug[80] = "/problems/";
	size_t n = strlen(slug);
	for (; *name && n + 1 < sizeof slug; name++) {
		char c = *name;
		slug[n++] = c >= 'A' && c <= 'Z'   ? (char)(c + 'a' - 'A')
		            : c >= 'a' && c <= 'z' ? c
		                                   : '-';
	}
	json_put_key(b, "type");
	json_put_str(b, str_n(slug, n));
}

static void put_text(struct buf *b, const char *key, const char *text)
{
	json_put_key(b, key);
	json_put_text(b, text);
}

static void put_field(struct buf *b, const struct json_error *e)
{
	json_put_key(b, "errors");
	json_put_open(b, '[');
	json_put_open(b, '{');
	put_text(b, "pointer", e->pointer);
	put_text(b, "detail", e->expected);
	put_text(b, "received", e->received);
	json_put_close(b, '}');
	json_put_close(b, ']');
}

void problem_write(struct buf *b, const struct problem *p, struct str path,
                   const struct trace *trace)
{
	const struct err_info *info = err_info(p->err);
	const char *title = p->status ? http_status_name(p->status) : info->text;
	char id[TRACE_ID_TEXT], field[PROBLEM_DETAIL];
	const char *detail = p->detail;
	if (!detail && p->field) {
		(void)snprintf(field, sizeof field, "%s: expected %s",
		               p->field->pointer[0] ? p->field->pointer : "the body",
		               p->field->expected);
		detail = field;
	}
	json_put_open(b, '{');
	put_type(b, p->status ? title : info->name);
	put_text(b, "title", title);
	json_put_key(b, "status");
	json_put_u64(b, (uint64_t)problem_status(p));
	if (detail)
		put_text(b, "detail", detail);
	if (path.len) {
		json_put_key(b, "instance");
		json_put_str(b, path);
	}
	trace_id(trace, id);
	put_text(b, "traceId", id);
	if (p->field)
		put_field(b, p->field);
	json_put_key(b, "success");
	json_put_bool(b, false);
	put_text(b, "error", detail ? detail : title);
	json_put_close(b, '}');
}
