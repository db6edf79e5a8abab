/*
 * access.h — one line for each request, in logfmt, gathered in a turn and written at its end.
 *
 *     ts=2026-01-02T03:04:05.678901Z msg=request method=GET path=/api/x?from_date= status=200
 *     bytes=512 ms=1.4 peer=192.0.2.1 trace=4bf9…
 *
 * The values of a query are left out: they may be secrets. What cannot be written is counted.
 */
#pragma once
#include "gateway/trace.h"
#include "proto/buf.h"

struct access;

struct access_line {
	int64_t wall_us;
	struct str method, path, query;
	int status; /* 499: the peer left before its answer */
	uint64_t bytes, took_us;
	const char *peer;
	const struct trace *trace;
	uint64_t business, key;
};

/* The end of a WebSocket. */
struct access_wire {
	int64_t wall_us;
	struct str path; /* where it knocked; dialled: the host */
	const char *peer;
	bool dialled, ours; /* ours: we began the end */
	unsigned code;
	struct str reason;
	uint64_t received, sent, shed, took_us;
	const struct trace *trace;
};

/* "-": stderr; empty: nowhere; else a file that is appended to. ERR_IO. */
MUST enum err access_new(const char *where, struct access **ret);
void access_free(struct access **a); /* writes what is left */

void access_put(struct access *a, const struct access_line *line);
void access_put_wire(struct access *a, const struct access_wire *line);
void access_flush(struct access *a);
uint64_t access_lost(const struct access *a); /* lines */

/* The line alone, for tests. */
void access_write(struct buf *b, const struct access_line *line);
