/*
 * glob.h — names by pattern: `*` is any run of characters, `?` any one; all else is itself. Linear
 * in the text for each star (no recursion, no backtracking beyond the last star), so a pattern from
 * a peer costs no more than its length times the name's.
 */
#pragma once
#include "proto/str.h"

bool glob_match(struct str pattern, struct str text);
