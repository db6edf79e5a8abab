/*
 * play.h — play.def as a struct, and its words read.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum play_mode {
#define MODE(name, doc) PLAY_##name,
#define NUMBER(name, fallback, least, most, doc)
#include "tools/sim/play.def"
#undef MODE
#undef NUMBER
};

struct play {
	enum play_mode mode;
#define MODE(name, doc)
#define NUMBER(name, fallback, least, most, doc) uint32_t name;
#include "tools/sim/play.def"
#undef MODE
#undef NUMBER
};

void play_init(struct play *p);
/* Onto what p says already. ERR_INVALID: ret_why says which word. */
MUST enum err play_read(struct play *p, struct str words, char ret_why[96]);
void play_forget_faults(struct play *p);
