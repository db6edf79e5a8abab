/*
 * field.h — one field of a struct, through its row in the table: what every reader and writer of
 * tables (JSON, text form, query string) needs to know of it.
 */
#pragma once
#include "proto/buf.h"
#include "proto/desc.h"

/* How any list stands in a struct (desc.h). */
struct field_list {
	const void *at;
	uint32_t n;
};

/* Zero or empty: what an absent optional field reads as. */
bool field_is_empty(const struct proto_field *f, const void *at);

/* Numbers of every width as the widest. */
bool field_is_unsigned(const struct proto_field *f);
bool field_is_signed(const struct proto_field *f);
uint64_t field_get_u64(const struct proto_field *f, const void *at);
int64_t field_get_i64(const struct proto_field *f, const void *at);
double field_get_f64(const void *at);

/* Store, if the value is within the field's range and its type's: otherwise ERR_RANGE. */
MUST enum err field_set_u64(const struct proto_field *f, void *at, uint64_t v);
MUST enum err field_set_i64(const struct proto_field *f, void *at, int64_t v);
MUST enum err field_set_f64(const struct proto_field *f, void *at, double v);

/* A number, a boolean or an enum from its plain text ("8000", "true", "opus"): ERR_TYPE when it is
 * no such thing, ERR_RANGE when it is one but too small, too great or unknown. No sign '+', no
 * leading zeros. */
MUST enum err field_set_text(const struct proto_field *f, void *at, struct str text);

bool field_read_u64(struct str digits, uint64_t *ret); /* all of it decimal, within 64 bits */
bool field_read_i64(struct str digits, int64_t *ret);

/* NULL, or false, when the enum has no such value. */
const char *field_enum_name(const struct proto_enum *e, uint32_t number);
bool field_enum_number(const struct proto_enum *e, struct str name, uint32_t *ret);

/* Has the schema given it a range? */
bool field_f64_bounded(const struct proto_field *f);

/* "a whole number 8000..48000", for a message to a person. Cut where `b` ends. */
void field_expects(struct buf *b, const struct proto_field *f, bool item);

/* The shortest decimal that reads back the same. */
void field_put_f64(struct buf *b, double v);
