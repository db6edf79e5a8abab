/*
 * plug_in.h — what the three files of a plug share, and nobody else.
 */
#pragma once
#include "tools/plug/plug.h"

/* Bytes that have come; 0: none for now, or the plug has ended. */
ssize_t plug_read(struct plug *p, void *to, size_t n);
void plug_read_heads(struct plug *p);  /* plug_http.c */
void plug_read_frames(struct plug *p); /* plug_ws.c */
MUST enum err plug_frames_begin(struct plug *p);
void plug_frames_done(struct plug *p);
void plug_say_close(struct plug *p, uint16_t code);
void plug_accept_of(struct str key, char ret[32]); /* RFC 6455 4.2.2 */
