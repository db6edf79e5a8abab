/* all.c — made by msgc: every message type of this program. */
#include "proto/registry.h"

extern const struct proto_desc small_ask_desc;
extern const struct proto_desc small_answer_desc;

const struct proto_desc *const proto_all[] = {
	&small_ask_desc,
	&small_answer_desc,
	NULL,
};

const uint32_t proto_all_n = 2;

const struct proto_slots proto_slots[PROTO_GROUPS] = {
	[42] = { 3, (const struct proto_desc *const[]){
		[1] = &small_ask_desc,
		[2] = &small_answer_desc,
	} },
};

const struct proto_desc *const proto_sorted[] = {
	&small_answer_desc,
	&small_ask_desc,
	NULL,
};
