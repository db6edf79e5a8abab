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
	buf_text(b, "kinds\n");
	for (const char *const *h = g->hosts; *h; h++)
		put_kind(c, g, config_kind(kinds, str_of(*h)), handed, b);
}
