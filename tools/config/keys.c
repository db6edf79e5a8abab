/*
 * keys.c — the keys as data, and how a path finds its way through them.
 */
#include "tools/config/keys.h"

#define TEXT     VALUE_TEXT, NULL
#define SECRET   VALUE_SECRET, NULL
#define ADDRESS  VALUE_ADDRESS, NULL
#define NUMBER   VALUE_NUMBER, NULL
#define SIZE     VALUE_SIZE, NULL
#define DURATION VALUE_DURATION, NULL
#define LIST     VALUE_LIST, NULL
#define WORDS(w) VALUE_WORDS, w
#define RULE(type_, words_, least_, most_)                                                         \
	{                                                                                          \
		.type = type_, .words = words_, .least = least_, .most = most_                     \
	}
#define KEY(path_, ...) KEY_(path_, __VA_ARGS__)
#define KEY_(path_, type_, words_, default_, least_, most_, environment_, flag_, doc_)             \
	{ .path = path_,                                                                           \
	  .rule = RULE(type_, words_, least_, most_),                                              \
	  .fallback = default_,                                                                    \
	  .environment = environment_,                                                             \
	  .flag = flag_,                                                                           \
	  .doc = doc_ },

const struct config_key config_keys[] = {
#include "tools/config/keys.def"
	{ 0 },
};

struct str config_step(struct str *path)
{
	const char *dot = path->len ? memchr(path->at, '.', path->len) : NULL;
	uint32_t len = dot ? (uint32_t)(dot - path->at) : path->len;
	struct str step = str_n(path->at, len);
	*path = str_n(path->at + len + !!dot, path->len - len - !!dot);
	return step;
}

/* How the pattern goes on after the section: an empty text when they are equal, NULL when it does
 * not lie below. */
static const char *below(const char *pattern, const char *section)
{
	struct str p = str_of(pattern), s = str_of(section);
	while (s.len) {
		struct str want = config_step(&p), have = config_step(&s);
		if (!want.len || (!str_is(want, "*") && !str_eq(want, have)))
			return NULL;
	}
	return p.len ? p.at : "";
}

const struct actor_kind *config_kind(const struct actor_kind *const *kinds, struct str name)
{
	for (; kinds && *kinds; kinds++)
		if (str_is(name, (*kinds)->name))
			return *kinds;
	return NULL;
}

/* "kinds.KIND…" and "groups.GROUP.KIND…": the part from KIND on; empty text right above it. */
static bool at_kinds(const char *path, struct str *ret_rest)
{
	struct str rest = str_of(path);
	struct str first = config_step(&rest);
	if (str_is(first, "groups")) {
		if (!config_step(&rest).len)
			return false;
	} else if (!str_is(first, "kinds")) {
		return false;
	}
	*ret_rest = rest;
	return true;
}

const char *config_given(const char *kind, const char *setting)
{
	static const struct given {
		const char *kind, *setting, *path;
	} given[] = {
#define GIVEN(kind_, setting_, path_) { kind_, setting_, path_ },
#include "tools/config/given.def"
#undef GIVEN
		{ 0 }
	};
	for (const struct given *g = given; g->kind; g++)
		if (!strcmp(kind, g->kind) && !strcmp(setting, g->setting))
			return g->path;
	return NULL;
}

static struct config_key key_of_setting(const struct actor_setting *s)
{
	struct config_key k = { .path = s->name, .fallback = s->value, .doc = s->doc };
	k.rule.type = s->least || s->most ? VALUE_NUMBER : VALUE_TEXT;
	k.rule.least = s->least;
	k.rule.most = s->most;
	return k;
}

struct config_key config_key_at(const struct actor_kind *const *kinds, const char *path)
{
	for (const struct config_key *k = config_keys; k->path; k++) {
		const char *rest = below(k->path, path);
		if (rest && !*rest)
			return *k;
	}
	struct str rest;
	if (at_kinds(path, &rest)) {
		const struct actor_kind *kind = config_kind(kinds, config_step(&rest));
		for (const struct actor_setting *s = kind ? kind->settings : NULL; s && s->name;
		     s++)
			if (str_is(rest, s->name) && !config_given(kind->name, s->name))
				return key_of_setting(s);
	}
	return (struct config_key){ 0 };
}

static void children_in_table(const char *section, config_child_fn *fn, void *ctx)
{
	char name[64], last[64] = "";
	for (const struct config_key *k = config_keys; k->path; k++) {
		const char *rest = below(k->path, section);
		if (!rest || !*rest)
			continue;
		struct str left = str_of(rest);
		str_keep(name, sizeof name, config_step(&left));
		if (strcmp(name, last) != 0) /* rows of one section stand together */
			fn(ctx, name);
		memcpy(last, name, sizeof last);
	}
}

void config_children(const struct actor_kind *const *kinds, const char *section,
                     config_child_fn *fn, void *ctx)
{
	children_in_table(section, fn, ctx);
	if (!*section)
		fn(ctx, "kinds");
	struct str rest;
	if (!at_kinds(section, &rest))
		return;
	if (!rest.len) {
		for (; kinds && *kinds; kinds++)
			fn(ctx, (*kinds)->name);
		return;
	}
	const struct actor_kind *kind = config_kind(kinds, rest);
	for (const struct actor_setting *s = kind ? kind->settings : NULL; s && s->name; s++)
		if (!config_given(kind->name, s->name))
			fn(ctx, s->name);
}
