/*
 * call_check.h — what the table of call.settle cannot say of its values: the same for who sets them
 * over HTTP and by command.
 */
#pragma once
#include "proto/call.h"
#include "proto/err.h"

enum { CALL_CHECK_WHY = 160, CALL_CHECK_TOOLS = 32 };

/* ERR_INVALID, ERR_MALFORMED with one sentence: what is wrong with which of them. Bounds of the
 * table have been checked before. */
MUST enum err call_check(const struct call_settle *s, char why[CALL_CHECK_WHY]);
