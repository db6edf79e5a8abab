/*
 * trace.h — W3C Trace Context, Level 1: the traceparent header, in and out.
 *
 *     00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 */
#pragma once
#include "proto/msg.h"

enum { TRACE_TEXT = 56, TRACE_ID_TEXT = 33 };

/* A version above 00 is read by its first four fields, as the standard asks. ERR_MALFORMED: no such
 * header, so a new trace begins. */
MUST enum err trace_read(struct str text, struct trace *ret);
void trace_write(const struct trace *t, char to[TRACE_TEXT]);
void trace_id(const struct trace *t, char to[TRACE_ID_TEXT]);
