/*
 * openapi.c — /openapi.json (OpenAPI 3.1), from routes.def and the tables of the messages.
 */
#include "gateway/inside.h"
#include <stdio.h>

enum { OPENAPI_MAX = 1 << 20, DESCS = 512 };

static void text(struct buf *b, const char *key, const char *value)
{
	json_put_key(b, key);
	json_put_text(b, value);
}

static void open_key(struct buf *b, const char *key)
{
	json_put_key(b, key);
	json_put_open(b, '{');
}

/* "tags": the first word of the path behind /api. */
static void put_id(struct buf *b, const struct route *r)
{
	char id[128];
	size_t n = 0;
	for (const char *m = r->method_name; *m && n + 1 < sizeof id; m++)
		id[n++] = (char)(*m + 'a' - 'A');
	for (const char *p = r->path; *p && n + 1 < sizeof id; p++) {
		bool word = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');
		if (word || (n && id[n - 1] != '_' && *p != '}'))
			id[n++] = word ? *p : '_';
	}
	json_put_key(b, "operationId");
	json_put_str(b, str_n(id, n));
}

static bool in_path(const struct route *r, const char *name)
{
	char braces[70];
	(void)snprintf(braces, sizeof braces, "{%s}", name);
	return strstr(r->path, braces) != NULL;
}

static void put_parameter(struct buf *b, const char *name, const char *in, bool required,
                          const struct proto_field *f)
{
	json_put_open(b, '{');
	text(b, "name", name);
	text(b, "in", in);
	json_put_key(b, "required");
	json_put_bool(b, required);
	if (f)
		text(b, "description", f->doc);
	open_key(b, "schema");
	bool is_number = f && f->kind >= PROTO_U8 && f->kind <= PROTO_I64;
	text(b, "type", f && f->kind == PROTO_BOOL ? "boolean" : is_number ? "integer" : "string");
	json_put_close(b, '}');
	json_put_close(b, '}');
}

static void put_parameters(struct buf *b, const struct route *r)
{
	const struct proto_desc *d = r->takes;
	json_put_key(b, "parameters");
	json_put_open(b, '[');
	for (uint32_t i = 0; d && i < d->n_fields; i++) {
		const struct proto_field *f = &d->fields[i];
		if (in_path(r, f->name))
			put_parameter(b, f->name, "path", true, f);
		else if (r->method == HTTP_GET)
			put_parameter(b, f->name, "query", !f->optional, f);
	}
	json_put_close(b, ']');
}

/* A body is described when something is left for it to say. */
static bool has_body(const struct route *r)
{
	if (r->method == HTTP_GET || !r->takes)
		return false;
	for (uint32_t i = 0; i < r->takes->n_fields; i++)
		if (!in_path(r, r->takes->fields[i].name))
			return true;
	return false;
}

static void put_content(struct buf *b, const char *type, const char *schema)
{
	char ref[128];
	open_key(b, "content");
	open_key(b, type);
	open_key(b, "schema");
	if (schema) {
		(void)snprintf(ref, sizeof ref, "#/components/schemas/%s", schema);
		text(b, "$ref", ref);
	}
	json_put_close(b, '}');
	json_put_close(b, '}');
	json_put_close(b, '}');
}

static void put_security(struct buf *b, const struct route *r)
{
	json_put_key(b, "security");
	json_put_open(b, '[');
	if (r->permit.kind == PERMIT_KIND_KEY || r->permit.kind == PERMIT_KIND_LOOPBACK_OR) {
		json_put_open(b, '{');
		json_put_key(b, "key");
		json_put_open(b, '[');
		json_put_text(b, r->permit.scope);
		json_put_close(b, ']');
		json_put_close(b, '}');
	}
	if (r->permit.kind == PERMIT_KIND_SIGNED) {
		json_put_open(b, '{');
		json_put_key(b, "signature");
		json_put_open(b, '[');
		json_put_close(b, ']');
		json_put_close(b, '}');
	}
	json_put_close(b, ']');
}

static void put_operation(struct buf *b, const struct route *r)
{
	const struct proto_desc *gives = r->to ? r->takes->reply : r->gives;
	char method[12];
	size_t n = 0;
	for (; r->method_name[n]; n++)
		method[n] = (char)(r->method_name[n] + 'a' - 'A');
	method[n] = '\0';
	open_key(b, method);
	put_id(b, r);
	text(b, "summary", r->doc);
	put_security(b, r);
	put_parameters(b, r);
	if (has_body(r)) {
		open_key(b, "requestBody");
		put_content(b, "application/json", r->takes->full);
		json_put_close(b, '}');
	}
	open_key(b, "responses");
	open_key(b, r->protocols ? "101" : "200");
	text(b, "description", gives ? gives->doc : r->doc);
	if (gives)
		put_content(b, "application/json", gives->full);
	json_put_close(b, '}');
	open_key(b, "default");
	text(b, "description", "What was wrong (RFC 9457).");
	put_content(b, "application/problem+json", "problem");
	json_put_close(b, '}');
	json_put_close(b, '}');
	json_put_close(b, '}');
}

static void put_paths(struct buf *b)
{
	open_key(b, "paths");
	for (uint32_t i = 0; i < routes_n; i++) {
		bool done = false;
		for (uint32_t k = 0; k < i; k++)
			done |= !strcmp(routes[k].path, routes[i].path);
		if (done)
			continue;
		open_key(b, routes[i].path);
		for (uint32_t k = i; k < routes_n; k++)
			if (!strcmp(routes[k].path, routes[i].path))
				put_operation(b, &routes[k]);
		json_put_close(b, '}');
	}
	json_put_close(b, '}');
}

static const char problem_schema[] =
	"{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"traceId\",\"success\","
	"\"error\"],\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
	"\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\"},"
	"\"instance\":{\"type\":\"string\"},\"traceId\":{\"type\":\"string\"},"
	"\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"pointer\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},"
	"\"received\":{\"type\":\"string\"}}}},"
	"\"success\":{\"const\":false},\"error\":{\"type\":\"string\"}}}";

static const char security_schemes[] =
	"{\"key\":{\"type\":\"http\",\"scheme\":\"bearer\"},\"signature\":{\"type\":\"apiKey\","
	"\"in\":\"header\",\"name\":\"X-Hub-Signature-256\"}}";

/* The tables' schemas, and the problem's beside them: json_components writes one whole object. */
static void put_components(struct buf *b)
{
	const struct proto_desc *descs[DESCS];
	size_t n = 0;
	for (uint32_t i = 0; i < routes_n && n + 2 < DESCS; i++) {
		const struct route *r = &routes[i];
		if (has_body(r))
			descs[n++] = r->takes;
		if (r->to ? r->takes->reply : r->gives)
			descs[n++] = r->to ? r->takes->reply : r->gives;
	}
	open_key(b, "components");
	json_put_key(b, "schemas");
	json_components(b, descs, n);
	if (b->len && !buf_err(b))
		b->len--; /* its '}' */
	json_put_key(b, "problem");
	json_put_raw(b, str_of(problem_schema));
	json_put_close(b, '}');
	json_put_key(b, "securitySchemes");
	json_put_raw(b, str_of(security_schemes));
	json_put_close(b, '}');
}

static void put_document(struct buf *b)
{
	json_put_open(b, '{');
	text(b, "openapi", "3.1.0");
	open_key(b, "info");
	text(b, "title", "switchboard");
	text(b, "version", SWITCHBOARD_VERSION);
	text(b, "summary", "A communications backend for many businesses.");
	open_key(b, "license");
	text(b, "name", "AGPL-3.0-or-later");
	text(b, "identifier", "AGPL-3.0-or-later");
	json_put_close(b, '}');
	json_put_close(b, '}');
	json_put_key(b, "servers");
	json_put_raw(b, str_of("[{\"url\":\"/\"}]"));
	put_paths(b);
	put_components(b);
	json_put_close(b, '}');
}

enum err openapi_route(struct exchange *x)
{
	struct buf b;
	buf_init(&b, OPENAPI_MAX);
	put_document(&b);
	enum err e = buf_err(&b);
	if (!e)
		e = exchange_answer(x, 200, str_of("application/json"), buf_view(&b));
	buf_done(&b);
	return e;
}
