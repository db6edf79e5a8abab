/*
 * metrics.h — what the gateway counts, and the Prometheus text form (0.0.4).
 *
 * Labels are routes as declared, methods and status codes: never a path, a tenant or an address, so
 * that no stranger decides how many series there are.
 */
#pragma once
#include "gateway/route.h"
#include "proto/buf.h"

struct metrics;

MUST enum err metrics_new(struct metrics **ret);
void metrics_free(struct metrics **m);

/* route NULL: none fits. */
void metrics_count(struct metrics *m, const struct route *route, int status, uint64_t took_us);
void metrics_write(const struct metrics *m, struct buf *b);

/* "# HELP" and "# TYPE" of a family; the name without its prefix stands in every line of it. */
void metrics_family(struct buf *b, const char *name, const char *type, const char *help);
/* Of this process, by proc(5). */
void metrics_write_process(struct buf *b);
