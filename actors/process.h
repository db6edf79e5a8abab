/*
 * process.h — the life of a process that is a node: joined, told to end, drained.
 *
 *     start ─▶ joining ─▶ ready ─▶ SIGTERM ─▶ draining ─▶ end
 *        ▲                  ├── a second SIGTERM, or the supervisor's end ──▶ end
 *        └── a new seat ◀── the bus thinks that it died: cut off, or stopped for too long
 *
 * One that is supervised ends then, and is begun anew by its supervisor, who counts such ends.
 */
#pragma once
#include "actors/say.h"
#include "actors/seat.h"

/* Asked of a kind hosted here, by name, when it is time to end: its answer is waited for. */
struct process_farewell {
	const char *kind;
	const struct proto_desc *ask; /* a message without required fields */
};

struct process_config {
	struct say say;
	const struct process_farewell *farewells; /* ends with { 0 }; may be NULL */
	struct seat_config
		seat; /* ctx is for `setting`; the loop, the log and what happens are set here */
};

/* Returns when it has ended. *ret_broken: not because it was told to. Errors are those of a start
 * that failed. */
MUST enum err process_run(const struct process_config *config, bool *ret_broken);
