/*
 * settings.c — see settings.h.
 */
#include "tools/sim/settings.h"
#include <stdio.h>
#include <string.h>

enum type { IS_TEXT, IS_BOOL, IS_ANY, IS_OBJECT, IS_OBJECT_ANY, IS_LIST, IS_NUMBER, IS_WORD };
enum { OR_NULL = 1 };

enum keep {
	KEEP_NOT,
	KEEP_KIND,
	KEEP_IN,
	KEEP_OUT,
	KEEP_VOICE,
	KEEP_TOOLS,
	KEEP_TRANSCRIPTION,
	KEEP_TURNS,
	KEEP_SILENCE,
	KEEP_CREATE,
	KEEP_INTERRUPT,
};

struct row {
	bool beta;
	const char *path;
	enum type type;
	const char *words;
	double least, most;
	int or_null;
	enum keep keep;
};

/* Each fills type to or_null; so "OBJECT | OR_NULL" ends in 0 | OR_NULL. */
#define TEXT                 IS_TEXT, NULL, 0, 0, 0
#define BOOL                 IS_BOOL, NULL, 0, 0, 0
#define ANY                  IS_ANY, NULL, 0, 0, 0
#define OBJECT               IS_OBJECT, NULL, 0, 0, 0
#define OBJECT_ANY           IS_OBJECT_ANY, NULL, 0, 0, 0
#define LIST                 IS_LIST, NULL, 0, 0, 0
#define ONE_OF(list)         IS_WORD, list, 0, 0, 0
#define BETWEEN(least, most) IS_NUMBER, NULL, least, most, 0

static const struct row rows[] = {
#define GA(path, takes, keep)   { false, path, takes, keep },
#define BETA(path, takes, keep) { true, path, takes, keep },
#include "tools/sim/session.def"
};

enum { ROWS = sizeof rows / sizeof *rows, PATH_MAX_BYTES = 96 };

struct reading {
	struct settings *s;
	struct refusal *no;
	bool beta, heard, spoke, kind, failed;
};

void settings_init(struct settings *s)
{
	*s = (struct settings){ .turns = true, .create = true, .interrupt = true };
}

static void refuse(struct reading *r, const char *code, const char *path, const char *message)
{
	if (r->failed)
		return;
	r->failed = true;
	r->no->code = code;
	(void)snprintf(r->no->param, sizeof r->no->param, "session%s%.80s", *path ? "." : "", path);
	(void)snprintf(r->no->message, sizeof r->no->message, "%.60s: '%.90s'.", message,
	               r->no->param);
}

static bool is_listed(const char *list, struct str word)
{
	for (const char *at = list; at && *at;) {
		size_t n = strcspn(at, "|");
		if (str_eq(word, str_n(at, n)))
			return true;
		at += n + (at[n] == '|');
	}
	return false;
}

/* ---- what is kept -------------------------------------------------------------------------- */

static void keep_word(struct reading *r, const struct row *row, struct str word)
{
	bool pcmu = str_is(word, "audio/pcmu") || str_is(word, "g711_ulaw");
	switch (row->keep) {
	case KEEP_KIND:
		r->kind = true;
		break;
	case KEEP_IN:
		if (r->heard && pcmu != r->s->pcmu_in)
			refuse(r, "invalid_request_error", row->path,
			       "Cannot change the format once audio has come");
		r->s->pcmu_in = pcmu;
		break;
	case KEEP_OUT:
		r->s->pcmu_out = pcmu;
		break;
	case KEEP_VOICE:
		if (r->spoke && !str_is(word, r->s->voice))
			refuse(r, "cannot_update_voice", row->path,
			       "Cannot update a conversation's voice if assistant audio is "
			       "present");
		str_keep(r->s->voice, sizeof r->s->voice, word);
		break;
	default:
		break;
	}
}

static void keep_tool(struct reading *r, struct json *j)
{
	struct str key, name = { 0 }, type = { 0 };
	bool parameters = false;
	json_object(j);
	while (json_key(j, &key)) {
		if (str_is(key, "name"))
			json_string(j, NULL, &name);
		else if (str_is(key, "type"))
			json_string(j, NULL, &type);
		else {
			parameters |= str_is(key, "parameters") && json_peek(j) == JSON_OBJECT;
			json_skip(j);
		}
	}
	if (!str_is(type, "function") || !name.len || !parameters)
		refuse(r, "invalid_value", "tools", "Invalid tool");
	if (r->s->n_tools < SETTINGS_TOOLS)
		str_keep(r->s->tools[r->s->n_tools++], sizeof *r->s->tools, name);
}

static void read_list(struct reading *r, const struct row *row, struct json *j)
{
	json_array(j);
	if (row->keep == KEEP_TOOLS)
		r->s->n_tools = 0;
	while (json_item(j)) {
		if (row->keep == KEEP_TOOLS && json_peek(j) == JSON_OBJECT)
			keep_tool(r, j);
		else
			json_skip(j);
	}
}

/* ---- the walk ------------------------------------------------------------------------------ */

static const struct row *find(bool beta, const char *path)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].beta == beta && !strcmp(rows[i].path, path))
			return &rows[i];
	return NULL;
}

static void read_members(struct reading *r, struct json *j, const char *path);

static bool type_fits(const struct row *row, enum json_type t)
{
	static const enum json_type types[] = {
		[IS_TEXT] = JSON_STRING,       [IS_BOOL] = JSON_BOOL,  [IS_OBJECT] = JSON_OBJECT,
		[IS_OBJECT_ANY] = JSON_OBJECT, [IS_LIST] = JSON_ARRAY, [IS_NUMBER] = JSON_NUMBER,
		[IS_WORD] = JSON_STRING,
	};
	return row->type == IS_ANY || types[row->type] == t;
}

static void read_number(struct reading *r, const struct row *row, struct json *j)
{
	double x = 0;
	json_f64(j, &x);
	if (x < row->least || x > row->most)
		refuse(r, "invalid_value", row->path, "Out of range");
	if (row->keep == KEEP_SILENCE)
		r->s->silence_ms = (uint32_t)x;
}

static void read_bool(struct reading *r, const struct row *row, struct json *j)
{
	bool *to = row->keep == KEEP_CREATE      ? &r->s->create
	           : row->keep == KEEP_INTERRUPT ? &r->s->interrupt
	                                         : NULL;
	bool v = false;
	json_bool(j, &v);
	if (to)
		*to = v;
}

static void read_string(struct reading *r, const struct row *row, struct json *j)
{
	struct str word = { 0 };
	if (row->type == IS_TEXT && row->keep == KEEP_NOT) {
		json_skip(j);
		return;
	}
	json_string(j, NULL, &word);
	if (row->type == IS_WORD && !is_listed(row->words, word))
		refuse(r, "invalid_value", row->path, "Invalid value");
	else
		keep_word(r, row, word);
}

static void read_value(struct reading *r, const struct row *row, struct json *j)
{
	enum json_type t = json_peek(j);
	if (row->keep == KEEP_TURNS)
		r->s->turns = t != JSON_NULL;
	if (row->keep == KEEP_TRANSCRIPTION)
		r->s->transcription = t != JSON_NULL;
	if (t == JSON_NULL && row->or_null) {
		json_null(j);
		return;
	}
	if (!type_fits(row, t)) {
		refuse(r, "invalid_type", row->path, "Invalid type for");
		json_skip(j);
		return;
	}
	switch (row->type) {
	case IS_OBJECT:
		read_members(r, j, row->path);
		break;
	case IS_LIST:
		read_list(r, row, j);
		break;
	case IS_NUMBER:
		read_number(r, row, j);
		break;
	case IS_BOOL:
		read_bool(r, row, j);
		break;
	case IS_TEXT:
	case IS_WORD:
		read_string(r, row, j);
		break;
	default:
		json_skip(j);
	}
}

static void read_members(struct reading *r, struct json *j, const char *path)
{
	struct str key;
	json_object(j);
	while (json_key(j, &key)) {
		char full[PATH_MAX_BYTES];
		(void)snprintf(full, sizeof full, "%s%s%.*s", path, *path ? "." : "", STR(key));
		const struct row *row = find(r->beta, full);
		if (row) {
			read_value(r, row, j);
		} else {
			refuse(r, "unknown_parameter", full, "Unknown parameter");
			json_skip(j);
		}
	}
}

bool settings_read(struct settings *s, struct json *j, bool beta, bool heard, bool spoke,
                   struct refusal *ret)
{
	struct settings fresh = *s;
	struct reading r = { .s = &fresh, .no = ret, .beta = beta, .heard = heard, .spoke = spoke };
	if (json_peek(j) != JSON_OBJECT) {
		refuse(&r, "invalid_type", "", "Invalid type for");
		json_skip(j);
		return false;
	}
	read_members(&r, j, "");
	if (!beta && !r.kind)
		refuse(&r, "missing_required_parameter", "type", "Missing required parameter");
	if (j->err)
		refuse(&r, "invalid_value", "", "Text with escapes where a word is expected in");
	if (r.failed)
		return false;
	fresh.updated = true;
	*s = fresh;
	return true;
}
