/*
 * pulses.h — what each node last said of itself (beat.pulse, once a second): for status.
 */
#pragma once
#include "proto/beat.h"
#include "proto/super.h"

enum { PULSES_MOST = 256 };

struct pulses;

MUST enum err pulses_new(struct pulses **ret);
void pulses_free(struct pulses **p);

/* When there are PULSES_MOST, the one that has been silent for longest makes room. */
void pulses_hear(struct pulses *p, uint64_t now_us, int64_t wall_us,
                 const struct beat_pulse *pulse);

/* Complete the row of a process by what its node said within the last three seconds. What it points
 * to lives until the next pulses_hear(). */
void pulses_add(const struct pulses *p, uint64_t now_us, struct super_child *row);

/* The nodes heard of within three seconds that are none of these; their number. */
uint32_t pulses_guests(const struct pulses *p, uint64_t now_us, const struct super_child *rows,
                       uint32_t n, struct super_guest ret[PULSES_MOST]);
