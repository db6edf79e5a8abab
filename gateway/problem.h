/*
 * problem.h — what was wrong, as RFC 9457 and as the old system's clients read it.
 *
 *     { "type": "/problems/range", "title": "a value is out of its range", "status": 400,
 *       "detail": "…", "instance": "/api/x", "traceId": "4bf9…",
 *       "errors": [ { "pointer": "/limit", "detail": "a whole number 1..100", "received": "0" } ],
 *       "success": false, "error": "…" }
 */
#pragma once
#include "gateway/trace.h"
#include "proto/json.h"

enum { PROBLEM_DETAIL = 256 };

struct problem {
	enum err err;                   /* gives type, title and status, */
	int status;                     /*   unless this is set: then HTTP's own names */
	const char *detail;             /* one sentence, or NULL */
	const struct json_error *field; /* or NULL */
	uint32_t retry_s;               /* Retry-After; 0: none, or by err.def */
};

int problem_status(const struct problem *p);
uint32_t problem_retry_s(const struct problem *p);
void problem_write(struct buf *b, const struct problem *p, struct str path,
                   const struct trace *trace);
