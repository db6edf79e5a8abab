/*
 * wa_lines.h — tests/golden/whatsapp.jsonl: a POST a line, with the verdict of each of its
 * messages.
 *
 *     {"want":"ad","why":"…","type":"notify","messages":[…]}
 *
 *     a  accepted (new, event, placeholder, upgrade, collision)     i  ignored by policy
 *     d  duplicate (layers 1, 2 and 3)                              r  rejected
 */
#pragma once
#include "gateway/whatsapp_alias.h"

struct wa_counts {
	uint32_t accepted, duplicates, ignored, rejected;
};

/* What happens to the rows of one POST: fills in accepted and duplicates. */
typedef void wa_ingest_fn(void *ctx, const struct wa_row *rows, uint32_t n, struct wa_counts *ret);
typedef void wa_between_fn(void *ctx); /* after each POST; NULL for nothing */

/* All lines of the file at `path`, in order, `together` of them with one type in one POST. Fails
 * the cmocka test that calls it, with the line, when a count differs. */
void wa_lines(const char *path, uint32_t together, wa_ingest_fn *ingest, wa_between_fn *between,
              void *ctx);
