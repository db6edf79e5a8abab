/*
 * access.h — what the card of a key lets a node do.
 */
#pragma once
#include "bus/keys.h"
#include "bus/row.h"

enum { ACCESS_WHY_BYTES = 200 };

/* Does the list hold the word? "*" holds all. */
bool access_lists(const char *list, struct str word);

/* Judge a row by the card of its key, and write into it which groups it may send. ERR_DENIED, with
 * the reason for whoever started that node. */
MUST enum err access_admit(const struct key_card *card, struct row *row,
                           char why[ACCESS_WHY_BYTES]);
