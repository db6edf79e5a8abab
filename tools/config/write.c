/*
 * write.c — a value is quoted whenever it could be misread bare.
 */
#include "tools/config/write.h"
#include "tools/config/keys.h"

static void put_value(struct buf *b, struct str v)
{
	const char *quote = v.len && memchr(v.at, '"', v.len) ? "'" : "\"";
	if (v.len && (memchr(v.at, *quote, v.len) || memchr(v.at, '\n', v.len))) {
		buf_fail(b, ERR_INVALID);
		return;
	}
	buf_text(b, quote);
	buf_str(b, v);
	buf_text(b, quote);
}

static void put(struct buf *b, const char *indent, const char *name, const char *value)
{
	buf_printf(b, "%s%s = ", indent, name);
	put_value(b, str_of(value));
	buf_char(b, '\n');
}

static void put_kind(const struct config *c, const struct config_group *g,
                     const struct actor_kind *kind, const struct config_handed *handed,
                     struct buf *b)
{
	buf_printf(b, "    %s\n", kind->name);
	for (const struct actor_setting *s = kind->settings; s && s->name; s++) {
		const char *value = config_setting(c, g->name, kind->name, s);
		for (const struct config_handed *h = handed; h->kind; h++)
			if (!strcmp(h->kind, kind->name) && !strcmp(h->setting, s->name))
				value = h->value;
		if (value && !config_given(kind->name, s->name))
			put(b, "        ", s->name, value);
	}
}

/* A key of the whole system that a setting of a hosted kind is (given.def): SECTION.NAME, told
 * once. */
struct given_list {
	const char *paths[32];
	uint32_t n;
};

static bool is_fresh(struct given_list *told, const char *path)
{
	for (uint32_t i = 0; i < told->n; i++)
		if (!strcmp(told->paths[i], path))
			return false;
	if (told->n == sizeof told->paths / sizeof *told->paths)
		return false;
	told->paths[told->n++] = path;
	return true;
}

static void put_given(const struct config *c, const struct actor_kind *kind,
                      struct given_list *told, struct buf *b)
{
	for (const struct actor_setting *s = kind->settings; s && s->name; s++) {
		const char *path = config_given(kind->name, s->name);
		const char *dot = path ? strchr(path, '.') : NULL;
		if (!dot || !is_fresh(told, path))
			continue;
		buf_printf(b, "%.*s\n", (int)(dot - path), path);
		put(b, "    ", dot + 1, config_find(c, path)->text);
	}
}

void config_write(const struct config *c, const struct config_group *g,
                  const struct actor_kind *const *kinds, const char *listen,
                  const char *database_url, const char *encryption_key,
                  const struct config_handed *handed, struct buf *b)
{
	buf_text(b, "log\n");
	put(b, "    ", "level", c->log_level);
	put(b, "    ", "form", c->log_form);
	if (listen)
		put(b, "", "listen", listen);
	if (database_url) {
		buf_text(b, "database\n");
		put(b, "    ", "url", database_url);
	}
	if (encryption_key) {
		buf_text(b, "encryption\n");
		put(b, "    ", "key", encryption_key);
	}
	/* The three above are the caller's to tell, or to keep. */
	struct given_list told = { { "listen", "database.url", "encryption.key" }, 3 };
	for (const char *const *h = g->hosts; *h; h++)
		put_given(c, config_kind(kinds, str_of(*h)), &told, b);
	buf_text(b, "kinds\n");
	for (const char *const *h = g->hosts; *h; h++)
		put_kind(c, g, config_kind(kinds, str_of(*h)), handed, b);
}
