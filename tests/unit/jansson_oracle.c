/*
 * jansson_oracle.c — jansson behind names of its own.
 */
#include "tests/unit/jansson_oracle.h"
#include <jansson.h>

static const json_t *tree(const struct oracle *o)
{
	return (const json_t *)(const void *)o;
}

struct oracle *oracle_load(struct str doc, const char **ret_why, bool *ret_meant)
{
	static json_error_t why;
	json_t *t = json_loadb(doc.at, doc.len,
	                       JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &why);
	*ret_why = t ? "" : why.text;
	*ret_meant = !t && (json_error_code(&why) == json_error_numeric_overflow ||
	                    json_error_code(&why) == json_error_null_byte_in_key);
	return (struct oracle *)(void *)t;
}

void oracle_free(struct oracle *o)
{
	json_decref((json_t *)(void *)o);
}

char oracle_type(const struct oracle *o)
{
	static const char types[] = "{[\"00tfn";
	return types[json_typeof(tree(o))];
}

size_t oracle_size(const struct oracle *o)
{
	return json_is_object(tree(o)) ? json_object_size(tree(o)) : json_array_size(tree(o));
}

const struct oracle *oracle_member(const struct oracle *o, const char *name)
{
	return (const struct oracle *)(const void *)json_object_get(tree(o), name);
}

const struct oracle *oracle_item(const struct oracle *o, size_t i)
{
	return (const struct oracle *)(const void *)json_array_get(tree(o), i);
}

struct str oracle_text(const struct oracle *o)
{
	return str_n(json_string_value(tree(o)), json_string_length(tree(o)));
}

double oracle_number(const struct oracle *o)
{
	return json_real_value(tree(o));
}
