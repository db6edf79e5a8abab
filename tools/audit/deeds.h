/*
 * deeds.h — what an operator did that is no row of the database, on its way into the audit trail:
 * a file each, so that neither a database that is away nor a system that does not run loses it.
 *
 *     deeds_put ─▶ STATE/audit/TIME-ONCE ─▶ the supervisor: tenant.audit_add ─▶ deeds_drop
 *
 * ONCE goes along: a supervisor that dies between the row and the drop brings the same row again.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum { DEED_ONCE = 16, DEED_ACTION = 64, DEED_SUBJECT = 200, DEED_DETAIL = 4096 };

struct deed {
	char action[DEED_ACTION + 1], subject[DEED_SUBJECT + 1], detail[DEED_DETAIL + 1];
	uint8_t once[DEED_ONCE];
	char file[PATH_MAX];
};

/* On disk when it returns. `more` is JSON members behind a comma, such as ,"count":3 or nothing;
 * `by` is who did it. ERR_TOO_LARGE, ERR_IO, ERR_NO_SPACE. */
MUST enum err deeds_put(const char *state, const char *action, struct str subject, const char *by,
                        const char *more);
/* The oldest one. False: there is none. */
bool deeds_next(const char *state, struct deed *ret);
/* It is in the trail. */
void deeds_drop(const struct deed *d);
/* No trail will ever take it: out of the way, as NAME.bad. */
void deeds_refuse(const struct deed *d);
