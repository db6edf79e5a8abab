/*
 * say.c — stderr, one line at a time.
 */
#include "actors/say.h"
#include "actors/runtime/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct say say_of(const char *form, const char *level, const char *node)
{
	static const struct {
		const char *word;
		enum actor_level level;
	} levels[] = { { "error", LOG_ERROR },
		       { "warn", LOG_WARN },
		       { "info", LOG_INFO },
		       { "debug", LOG_DEBUG } };
	struct say s = { .format = LOG_HUMAN, .level = LOG_INFO, .node = node };
	if (!strcmp(form, "json"))
		s.format = LOG_JSON;
	else if (!strcmp(form, "logfmt"))
		s.format = LOG_LOGFMT;
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (!strcmp(level, levels[i].word))
			s.level = levels[i].level;
	return s;
}

void say_line(void *ctx, enum actor_level level, struct str line)
{
	(void)ctx;
	(void)level;
	struct iovec parts[] = { { .iov_base = (void *)(uintptr_t)line.at, .iov_len = line.len },
		                 { .iov_base = (char[]){ '\n' }, .iov_len = 1 } };
	ssize_t n = writev(STDERR_FILENO, parts, 2);
	(void)n; /* nobody is left to tell */
}

void say(const struct say *s, enum actor_level level, const char *fmt, ...)
{
	char text[LOG_TEXT], line[LOG_LINE];
	struct timespec now;
	va_list args;
	if (level > s->level)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	struct log_line l = { .level = level,
		              .wall_us =
		                      (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000,
		              .node = str_of(s->node),
		              .text = str_of(text) };
	say_line(NULL, level, str_n(line, log_format(s->format, &l, line, sizeof line)));
}
