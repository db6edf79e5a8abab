/*
 * log.h — a node's log: levels, one line per event, repeats held back and counted, three formats.
 *
 * Of one text (told apart by its format string and its kind) LOG_BURST lines a second are written;
 * what is held back is counted and said when the second is over. A failure in a loop fills no disk.
 */
#pragma once
#include "actors/node.h"

enum { LOG_BURST = 10, LOG_ROWS = 64, LOG_TEXT = 1024, LOG_LINE = 3072 };

struct log_row {
	const char *what, *kind; /* format string, name of the kind */
	uint64_t since_us;
	uint32_t n, held;
	enum actor_level level;
	char event[48]; /* first word, for the line that counts */
};

struct log {
	struct log_row rows[LOG_ROWS];
	uint64_t next_us; /* when a held count is to be said; UINT64_MAX: none is held */
	uint64_t lines, held;
};

struct log_line {
	enum actor_level level;
	uint64_t wall_us;
	struct str node, actor, text;
	uint64_t business;
	struct trace trace;
};

/* Write one line at out, no newline; control characters are escaped, over-long text is cut. Returns
 * its length. Pure. */
uint32_t log_format(enum log_format how, const struct log_line *line, char *out, uint32_t room);

/* May it be written, or is it held back? Counts either. kind: NULL for the node's own. */
bool log_admit(struct log *l, uint64_t now_us, const char *what, const char *kind,
               enum actor_level level);
/* A row whose second is over with lines held back; false when there is none (any more). */
bool log_held(struct log *l, uint64_t now_us, struct log_row *ret);
