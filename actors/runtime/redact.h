/*
 * redact.h — takes out of a line of text what no log may keep: values of secret keys, bearer
 * tokens, phone numbers and mail addresses beyond what an operator needs to tell two apart.
 *
 * A last line of defence: an actor is not to log them in the first place.
 */
#pragma once
#include <stddef.h>

/* In place; the text only ever becomes shorter or stays. Returns the new length. */
size_t redact(char *text, size_t len);
