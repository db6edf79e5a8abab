/*
 * row.h — one row of the roster, in memory that is its own. On the wire it is bus.row
 * (proto/schema/bus.msg).
 */
#pragma once
#include "bus/link.h"
#include "proto/bus.h"

enum {
	ROW_ENDPOINTS = 4,
	ROW_KINDS = 64,
	ROW_GROUPS = 256,      /* a group is one byte of a type's number */
	ROW_BODY_BYTES = 4096, /* a bus.hello or bus.changed at the most */
};

struct row {
	uint64_t epoch;
	uint32_t load; /* actors alive there, as its beats tell */
	bool hub, limited;
	uint8_t n_endpoints, n_kinds;
	char name[BUS_ROW_NAME_MAX + 1];
	char key[BUS_ROW_KEY_MAX + 1]; /* "" when it has none */
	char endpoints[ROW_ENDPOINTS][128];
	char kinds[ROW_KINDS][32];
	uint8_t groups[ROW_GROUPS / 8]; /* bits: what it may send, if it is limited */
};

/* [a-z0-9_.#-]{1,63} */
bool row_name_ok(struct str name);

/* ERR_RANGE: a name, endpoint or kind is over its bound or holds what it may not. */
MUST enum err row_init(struct row *r, const char *name, uint64_t epoch, const char *const *kinds,
                       struct link *link);
bool row_hosts(const struct row *r, struct str kind);
/* May it send messages of this type? */
bool row_may_send(const struct row *r, uint32_t type_number);
void row_allow(struct row *r, uint8_t group);

/* What the wire's form of a row points to. */
struct row_views {
	struct str endpoints[ROW_ENDPOINTS], kinds[ROW_KINDS];
	uint32_t groups[64];
};
void row_view(const struct row *r, struct row_views *store, struct bus_row *ret);
/* ERR_MALFORMED: no such name, key, kind or epoch. */
MUST enum err row_keep(const struct bus_row *in, struct row *ret);
