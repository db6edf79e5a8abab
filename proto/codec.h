/*
 * codec.h — a message's body as bytes: one codec for all types, walking their tables.
 *
 *     msgpack map   { field number: value, … }      numbers rise, absent optionals are left out
 *       bool        true, false                      str, json   str
 *       u8…i64      shortest integer                 bin         bin
 *       enum        its number                       record      map, as above
 *       f64         float 64, finite                 a list      array
 *
 * What we write is canonical: equal structs are equal bytes. What we read may stand in any order,
 * in wider integers, with fields of a newer schema: these are skipped, without recursion.
 * Everything else is refused: ERR_MISSING a required field, ERR_RANGE a number or an enum's value,
 * ERR_TOO_LARGE a view over its bound, ERR_MALFORMED what is no such body (text that is not UTF-8
 * and a field that comes twice included). ret_field may be NULL; it names the field, when there is
 * one.
 */
#pragma once
#include "proto/arena.h"
#include "proto/desc.h"

/* Write the body at `to`. ERR_FULL when it does not fit into `room` bytes: ret_len then says how
 * many it needs. */
MUST enum err proto_encode(const struct proto_desc *type, const void *body, char *to, size_t room,
                           size_t *ret_len, const struct proto_field **ret_field);

/* Read all of `bytes` into the struct at `body`. Its views point into `bytes`; the items of lists
 * are taken from the arena (NULL for a type without lists), ERR_TOO_LARGE when it is full. After an
 * error the struct holds no meaning. */
MUST enum err proto_decode(const struct proto_desc *type, struct str bytes, void *body,
                           struct arena *arena, const struct proto_field **ret_field);

/* The same of a body that stands first in `bytes`, which then begin behind it. */
MUST enum err proto_decode_first(const struct proto_desc *type, struct str *bytes, void *body,
                                 struct arena *arena, const struct proto_field **ret_field);

/* All of `bytes` again, and the bytes of views are copied into the arena too. */
MUST enum err proto_decode_kept(const struct proto_desc *type, struct str bytes, void *body,
                                struct arena *arena, const struct proto_field **ret_field);

/* How much arena proto_decode_kept needs for these bytes at the most. */
MUST enum err proto_room(const struct proto_desc *type, struct str bytes, size_t *ret);
