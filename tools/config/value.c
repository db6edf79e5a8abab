/*
 * value.c — strict readers: the whole text must be the value, in range, without overflow.
 */
#include "tools/config/value.h"
#include <stdio.h>

struct unit {
	const char *name;
	int64_t times;
};

static const struct unit sizes[] = {
	{ "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { 0 }
};
static const struct unit durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { 0 }
};
static const struct unit plain[] = { { "", 1 }, { 0 } };

static bool read_number(struct str text, const struct unit *units, int64_t *ret)
{
	int64_t n = 0;
	bool minus = text.len > 1 && *text.at == '-';
	uint32_t i = minus;
	if (i >= text.len || text.at[i] < '0' || text.at[i] > '9')
		return false;
	for (; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, text.at[i] - '0', &n))
			return false;
	struct str unit = str_n(text.at + i, text.len - i);
	for (; units->name; units++)
		if (str_is(unit, units->name)) {
			*ret = minus ? -n : n;
			return !__builtin_mul_overflow(*ret, units->times, ret);
		}
	return false;
}

bool value_address(struct str text, struct str *ret_host, uint16_t *ret_port)
{
	const char *colon = text.len ? memrchr(text.at, ':', text.len) : NULL;
	if (!colon)
		return false;
	struct str host = str_n(text.at, (size_t)(colon - text.at));
	int64_t port;
	if (!read_number(str_n(colon + 1, (size_t)(text.at + text.len - colon - 1)), plain,
	                 &port) ||
	    port < 0 || port > UINT16_MAX || *(colon + 1) == '-')
		return false;
	if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
		host = str_n(host.at + 1, host.len - 2);
	else if (host.len && memchr(host.at, ':', host.len))
		return false; /* a v6 address needs its brackets */
	if (!host.len)
		return false;
	*ret_host = host;
	*ret_port = (uint16_t)port;
	return true;
}

bool value_next(struct str *list, struct str *ret)
{
	while (list->len) {
		const char *comma = memchr(list->at, ',', list->len);
		uint32_t len = comma ? (uint32_t)(comma - list->at) : list->len;
		struct str word = str_n(list->at, len);
		*list = str_n(list->at + len + !!comma, list->len - len - !!comma);
		while (word.len && *word.at == ' ')
			word = str_n(word.at + 1, word.len - 1);
		while (word.len && word.at[word.len - 1] == ' ')
			word.len--;
		if (word.len) {
			*ret = word;
			return true;
		}
	}
	return false;
}

static bool is_word_of(struct str text, const char *words)
{
	for (;;) {
		size_t len = strcspn(words, "|");
		if (str_eq(text, str_n(words, len)))
			return true;
		if (!words[len])
			return false;
		words += len + 1;
	}
}

/* What ZPL can write down again. */
static bool is_one_line(struct str text)
{
	for (uint32_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
			return false;
	return !text.len || !memchr(text.at, '"', text.len) || !memchr(text.at, '\'', text.len);
}

static const char *check_number(const struct value_rule *rule, struct str text, int64_t *ret,
                                char *buf, size_t cap)
{
	const struct unit *units = plain;
	const char *what = "a number";
	if (rule->type == VALUE_SIZE) {
		units = sizes;
		what = "a size such as 64K, 512M or 2G";
	} else if (rule->type == VALUE_DURATION) {
		units = durations;
		what = "a duration such as 500ms, 30s, 10m or 1h";
	}
	int64_t n;
	if (!read_number(text, units, &n))
		return what;
	if (n < rule->least || n > rule->most) {
		(void)snprintf(buf, cap, "%s from %lld to %lld%s", what, (long long)rule->least,
		               (long long)rule->most, rule->type == VALUE_DURATION ? " ms" : "");
		return buf;
	}
	*ret = n;
	return NULL;
}

const char *value_check(const struct value_rule *rule, struct str text, int64_t *ret_number,
                        char *buf, size_t cap)
{
	struct str host;
	uint16_t port;
	*ret_number = 0;
	switch (rule->type) {
	case VALUE_NUMBER:
	case VALUE_SIZE:
	case VALUE_DURATION:
		return check_number(rule, text, ret_number, buf, cap);
	case VALUE_ADDRESS:
		if (text.len && !value_address(text, &host, &port))
			return "an address such as 127.0.0.1:8080 or [::1]:8080";
		return NULL;
	case VALUE_WORDS:
		if (is_word_of(text, rule->words))
			return NULL;
		(void)snprintf(buf, cap, "one of %s", rule->words);
		return buf;
	case VALUE_LIST:
		if (value_next(&text, &host))
			return NULL;
		return "a list such as gateway, store";
	case VALUE_TEXT:
	case VALUE_SECRET:
		break;
	}
	return is_one_line(text) ? NULL : "a text on one line that has not both kinds of quotes";
}
