/*
 * sequence.h — messages seen by a tap, drawn as a sequence diagram: as text, or as mermaid.
 *
 *     gateway        dedupe/17      store
 *        ├──wa.batch───▶│              │      #41
 *        │              ├──wa.insert──▶│      #42
 *        │              │◀─wa.inserted─┤      #7 re 42
 *
 * Lanes stand in the order their actors first spoke. Bounded: SEQUENCE_LANES actors (the rest share
 * the last lane, "others") and SEQUENCE_STEPS messages (the rest are counted).
 */
#pragma once
#include "proto/buf.h"
#include "proto/str.h"

enum { SEQUENCE_LANES = 16, SEQUENCE_STEPS = 2000, SEQUENCE_NAME = 48, SEQUENCE_LABEL = 48 };

struct sequence_step {
	uint8_t from, to;
	bool answer;
	char label[SEQUENCE_LABEL]; /* "wa.batch" or "ERR_BUSY" */
	uint64_t id, re;
};

struct sequence {
	char lanes[SEQUENCE_LANES][SEQUENCE_NAME];
	uint32_t n_lanes, n_steps, left_out;
	struct sequence_step *steps;
};

MUST enum err sequence_init(struct sequence *s);
void sequence_done(struct sequence *s);
void sequence_add(struct sequence *s, struct str from, struct str to, struct str label, uint64_t id,
                  uint64_t re);
void sequence_text(const struct sequence *s, struct buf *out);
void sequence_mermaid(const struct sequence *s, struct buf *out);
