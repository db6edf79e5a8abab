/*
 * spec.c — a port's description from one line of text: "kind=COMMAND arg …[;option[=value]]…".
 */
#include "actors/port/port.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORDS_MOST = 32, PATHS_MOST = 32, TEXT_MOST = 4096 };

/* One block: the specification, then what it points to. */
struct spec_block {
	struct port_spec spec;
	const char *argv[WORDS_MOST + 1], *read[PATHS_MOST + 1], *write[PATHS_MOST + 1];
	uint32_t n_argv, n_read, n_write;
	char text[TEXT_MOST];
};

/* What any program needs to start: itself, its libraries, and what the loader looks at. */
static const char *const always_read[] = {
	"/usr",     "/lib",           "/lib64",     "/bin",     "/etc/ld.so.cache",
	"/etc/ssl", "/etc/localtime", "/proc/self", "/dev/zero"
};

static enum err add(const char **list, uint32_t *n, uint32_t most, const char *item)
{
	if (*n == most)
		return ERR_TOO_LARGE;
	list[(*n)++] = item;
	return OK;
}

struct option {
	const char *name;
	uint64_t unit; /* the value is a number times this; 0: it has no value */
	size_t offset;
	bool wide; /* 64 bits */
};

#define AT(member) offsetof(struct port_spec, member)
static const struct option options[] = {
	{ "memory", 1 << 20, AT(child.memory_bytes), true },
	{ "data", 1 << 20, AT(child.data_bytes), true },
	{ "file", 1 << 20, AT(child.file_bytes), true },
	{ "cpu", 1, AT(child.cpu_s), false },
	{ "files", 1, AT(child.files), false },
	{ "processes", 1, AT(child.processes), false },
	{ "uid", 1, AT(child.uid), false },
	{ "hello", 1, AT(hello_ms), false },
	{ "ping", 1, AT(ping_ms), false },
	{ "queue", 1024, AT(queue_bytes), false },
};

static enum err set_number(struct port_spec *s, const struct option *o, const char *value,
                           char *why)
{
	char *end;
	unsigned long long v = value && *value ? strtoull(value, &end, 10) : 0;
	if (!value || !*value || *end || v * o->unit / o->unit != v ||
	    (!o->wide && v * o->unit > UINT32_MAX)) {
		(void)snprintf(why, 160, "option %s wants a number, not '%.40s'", o->name,
		               value ? value : "");
		return ERR_RANGE;
	}
	if (o->wide)
		*(uint64_t *)(void *)((char *)s + o->offset) = v * o->unit;
	else
		*(uint32_t *)(void *)((char *)s + o->offset) = (uint32_t)(v * o->unit);
	return OK;
}

static enum err set_option(struct spec_block *b, char *text, char *why)
{
	char *value = strchr(text, '=');
	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (!strcmp(text, options[i].name))
			return set_number(&b->spec, &options[i], value, why);
	if (!strcmp(text, "network") && !value)
		return b->spec.child.network = true, OK;
	if (!strcmp(text, "any-tenant") && !value)
		return b->spec.any_tenant = true, OK;
	if (!strcmp(text, "place") && value &&
	    (!strcmp(value, "hashed") || !strcmp(value, "here"))) {
		b->spec.place = *value == 'h' && value[1] == 'a' ? PLACE_HASHED : PLACE_HERE;
		return OK;
	}
	if (!strcmp(text, "read") && value && *value == '/')
		return add(b->read, &b->n_read, PATHS_MOST, value);
	if (!strcmp(text, "write") && value && *value == '/')
		return add(b->write, &b->n_write, PATHS_MOST, value);
	(void)snprintf(why, 160, "unknown option '%.60s'", text);
	return ERR_INVALID;
}

static enum err set_command(struct spec_block *b, char *command, char *why)
{
	char *save = NULL;
	enum err e = OK;
	for (char *w = strtok_r(command, " ", &save); w && !e; w = strtok_r(NULL, " ", &save)) {
		e = add(b->argv, &b->n_argv, WORDS_MOST, w);
		if (!e && *w == '/' && access(w, R_OK) == 0) /* its own script */
			e = add(b->read, &b->n_read, PATHS_MOST, w);
	}
	if (!e && !b->n_argv) {
		(void)snprintf(why, 160, "no command after '%.60s='", b->spec.kind);
		e = ERR_MISSING;
	}
	return e;
}

static bool is_kind(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
	return n && n < 64 && !s[n];
}

static enum err parse(struct spec_block *b, char *why)
{
	char *save = NULL, *head = strtok_r(b->text, ";", &save);
	char *command = head ? strchr(head, '=') : NULL;
	if (!command) {
		(void)snprintf(why, 160, "a port is kind=COMMAND, not '%.60s'", b->text);
		return ERR_INVALID;
	}
	*command++ = '\0';
	if (!is_kind(head)) {
		(void)snprintf(why, 160, "'%.60s' is no name of a kind (a-z, 0-9, _)", head);
		return ERR_INVALID;
	}
	b->spec.kind = head;
	enum err e = set_command(b, command, why);
	for (char *o; !e && (o = strtok_r(NULL, ";", &save));)
		e = set_option(b, o, why);
	for (size_t i = 0; !e && i < sizeof always_read / sizeof *always_read; i++)
		e = add(b->read, &b->n_read, PATHS_MOST, always_read[i]);
	if (e == ERR_TOO_LARGE && !*why)
		(void)snprintf(why, 160, "more than %u words or paths", WORDS_MOST);
	return e;
}

enum err port_spec_parse(const char *text, struct port_spec **ret, char *ret_why)
{
	ret_why[0] = '\0';
	struct spec_block *b = calloc(1, sizeof *b);
	if (!b)
		return ERR_MEMORY;
	enum err e = ERR_TOO_LARGE;
	if (str_keep(b->text, sizeof b->text, str_of(text)))
		e = parse(b, ret_why);
	else
		(void)snprintf(ret_why, 160, "more than %u bytes", TEXT_MOST);
	if (e) {
		free(b);
		return e;
	}
	b->spec.child.argv = b->argv;
	b->spec.child.read = b->read;
	b->spec.child.write = b->write;
	*ret = &b->spec;
	return OK;
}

void port_spec_free(struct port_spec **s)
{
	free(*s); /* the block begins with it */
	*s = NULL;
}
