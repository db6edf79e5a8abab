/*
 * say.h — log lines of a process itself, written as its actors' are; and where all lines go.
 */
#pragma once
#include "actors/node.h"

struct say {
	enum log_format format;
	enum actor_level level; /* 0: silence */
	const char *node;       /* who speaks */
};

/* From the words of log.form and log.level. */
struct say say_of(const char *form, const char *level, const char *node);

void say(const struct say *s, enum actor_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* For node_config.log: one write per line, so that lines of several processes never mix. */
void say_line(void *ctx, enum actor_level level, struct str line);
