/*
 * bind_time.h — timestamptz counts us from 2000-01-01, we from 1970-01-01 (both without leap
 * seconds).
 */
#pragma once
#include "proto/err.h"
#include <stdint.h>

#define BIND_TIME_GAP_US INT64_C(946684800000000)

/* What PostgreSQL calls infinity is the end of our range: ERR_RANGE. */
static inline enum err bind_time_out(int64_t unix_us, int64_t *ret)
{
	if (unix_us < INT64_MIN + 1 + BIND_TIME_GAP_US)
		return ERR_RANGE;
	*ret = unix_us - BIND_TIME_GAP_US;
	return OK;
}

static inline enum err bind_time_in(int64_t pg_us, int64_t *ret)
{
	if (pg_us == INT64_MIN || pg_us > INT64_MAX - BIND_TIME_GAP_US)
		return ERR_RANGE;
	*ret = pg_us + BIND_TIME_GAP_US;
	return OK;
}
