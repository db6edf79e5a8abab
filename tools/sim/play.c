/*
 * play.c — see play.h.
 */
#include "tools/sim/play.h"
#include <stddef.h>
#include <stdio.h>

static const struct {
	const char *name;
	size_t at;
	uint32_t fallback, least, most;
} numbers[] = {
#define MODE(name, doc)
#define NUMBER(name, fallback, least, most, doc)                                                   \
	{ #name, offsetof(struct play, name), fallback, least, most },
#include "tools/sim/play.def"
#undef MODE
#undef NUMBER
};

static const char *const modes[] = {
#define MODE(name, doc) [PLAY_##name] = #name,
#define NUMBER(name, fallback, least, most, doc)
#include "tools/sim/play.def"
#undef MODE
#undef NUMBER
};

enum { NUMBERS = sizeof numbers / sizeof *numbers, MODES = sizeof modes / sizeof *modes };

static uint32_t *field(struct play *p, size_t i)
{
	return (uint32_t *)(void *)((char *)p + numbers[i].at);
}

void play_init(struct play *p)
{
	*p = (struct play){ .mode = PLAY_echo };
	for (size_t i = 0; i < NUMBERS; i++)
		*field(p, i) = numbers[i].fallback;
}

void play_forget_faults(struct play *p)
{
	p->delay = p->slow = p->refuse = p->retry = 0;
	p->drop = p->stall = p->expire = p->garbage = 0;
}

static bool read_number(struct str text, uint32_t *ret)
{
	uint64_t n = 0;
	if (!text.len || text.len > 9)
		return false;
	for (uint32_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text.at[i] - '0');
	}
	*ret = (uint32_t)n;
	return true;
}

static bool read_word(struct play *p, struct str word)
{
	const char *is = memchr(word.at, '=', word.len);
	for (int i = 0; !is && i < MODES; i++)
		if (str_is(word, modes[i])) {
			p->mode = (enum play_mode)i;
			return true;
		}
	if (!is)
		return false;
	struct str name = str_n(word.at, (size_t)(is - word.at));
	uint32_t n;
	if (!read_number(str_n(is + 1, word.len - name.len - 1), &n))
		return false;
	for (size_t i = 0; i < NUMBERS; i++)
		if (str_is(name, numbers[i].name) && n >= numbers[i].least &&
		    n <= numbers[i].most) {
			*field(p, i) = n;
			return true;
		}
	return false;
}

MUST enum err play_read(struct play *p, struct str words, char ret_why[96])
{
	const char *at = words.at, *end = words.at + words.len;
	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		struct str word = str_n(at, (size_t)((comma ? comma : end) - at));
		if (!word.len || !read_word(p, word)) {
			(void)snprintf(ret_why, 96, "\"%.*s\" is no word of a play", STR(word));
			return ERR_INVALID;
		}
		at += word.len + 1;
	}
	return OK;
}
