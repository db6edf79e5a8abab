/*
 * realtime_in.h — what a session may ask of its server.
 */
#pragma once
#include "tools/sim/realtime.h"

struct plug_loop *realtime_loop(struct session *s);
void realtime_tell(const struct session *s, const char *code, const char *message);
