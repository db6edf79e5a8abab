/*
 * outlet.h — an output that is never waited for: what its reader does not take yet is kept, up to a
 * bound, and who wants to add more is told that there is no room.
 *
 *     put ─▶ buf ─ outlet_flow, as much as goes ─▶ pipe, terminal, file
 *
 * A program that stands in write(2) turns no loop, and the bus holds it for dead.
 */
#pragma once
#include "proto/buf.h"

struct outlet {
	struct buf buf; /* put here what is to go out, after outlet_room() */
	size_t gone;    /* of these bytes */
	int fd, own;    /* own: fd again, without blocking, where that can be had; or -1 */
};

/* Keeps at most `most` bytes. The descriptor stays the caller's, and keeps its flags. */
void outlet_init(struct outlet *o, int fd, size_t most);
void outlet_done(struct outlet *o);

bool outlet_room(const struct outlet *o, size_t bytes); /* may so many more be put? */
bool outlet_waits(const struct outlet *o);              /* is something still to go? */
/* Let go what the reader takes now. False: nobody reads any more. */
bool outlet_flow(struct outlet *o);
/* The same, and wait for the reader until all has gone. */
bool outlet_finish(struct outlet *o);
