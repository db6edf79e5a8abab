/*
 * blobs.h — blobs of one session for what it says: used again and again, so that a frame on its way
 * allocates nothing.
 *
 *     session ── blobs_take ──▶ blob ── moved ──▶ gateway ── read by the socket ──▶ back here
 *
 * The pool outlives its session until the last of its blobs has come back.
 */
#pragma once
#include "proto/msg.h"

struct blobs;

struct blobs *blobs_new(void); /* NULL when out of memory */
void blobs_free(struct blobs **p);
/* One with room for `most` bytes; the taker writes them to ret_at and sets its len. NULL: no
 * memory. */
struct blob *blobs_take(struct blobs *p, size_t most, char **ret_at);
