/*
 * board.h — live calls as they are watched: a table to be redrawn, or a line for each change.
 *
 *     call.pulse ── board_heard ──▶ rows ── board_draw ──▶ the whole table
 *                                    └── board_changes ──▶ began, turn, drops, ended
 *
 * Pure: time comes as a number. A row that was not heard of for BOARD_GONE_US is over.
 */
#pragma once
#include "proto/buf.h"
#include "proto/call.h"

enum { BOARD_ROWS = 4096, BOARD_GONE_US = 2500000, BOARD_NAME = 64 };

struct board_row {
	uint64_t business, heard_us;
	char name[BOARD_NAME + 1]; /* of the business */
	char call[65], party[65], node[65];
	struct call_pulse now, told; /* numbers alone: their texts are not kept */
	bool fresh, changed;
};

struct board {
	struct board_row *rows; /* the oldest call first */
	uint32_t n;
	uint64_t ended; /* that were seen to end */
};

MUST enum err board_init(struct board *b);
void board_done(struct board *b);
void board_heard(struct board *b, uint64_t business, const char *name, const struct call_pulse *p,
                 uint64_t now_us);
/* At most `lines` lines of `columns` columns; `clock` stands in its first one. */
void board_draw(struct board *b, uint32_t lines, const char *clock, struct buf *out);
/* One line for each change since the last time; with `json` one object. Those that are over leave.
 */
void board_changes(struct board *b, uint64_t now_us, const char *clock, bool json, struct buf *out);
/* Those that are over leave. */
void board_trim(struct board *b, uint64_t now_us);
