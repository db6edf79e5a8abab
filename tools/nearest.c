/*
 * nearest.c — edit distance with swaps (Damerau, optimal string alignment), three rows of a table.
 */
#include "tools/nearest.h"

enum { WORD_MAX = 63 }; /* longer words are not typed by hand */

static unsigned min2(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned edits_between(struct str a, struct str b)
{
	unsigned row[3][WORD_MAX + 1];
	unsigned *before = row[0], *last = row[1], *now = row[2];
	for (unsigned j = 0; j <= b.len; j++)
		last[j] = before[j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		now[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			bool same = a.at[i - 1] == b.at[j - 1];
			now[j] = min2(min2(last[j] + 1, now[j - 1] + 1), last[j - 1] + !same);
			if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] &&
			    a.at[i - 2] == b.at[j - 1])
				now[j] = min2(now[j], before[j - 2] + 1);
		}
		unsigned *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b.len];
}

struct nearest nearest_of(struct str word)
{
	/* A third of the letters, and always one: "prot" is "port", "x" is nothing. */
	unsigned most = word.len < 3 ? 1 : 1 + word.len / 5;
	return (struct nearest){ .word = word, .edits = word.len <= 1 ? 0 : most + 1 };
}

bool nearest_try(struct nearest *n, const char *known)
{
	struct str k = str_of(known);
	if (n->word.len > WORD_MAX || k.len > WORD_MAX)
		return false;
	unsigned edits = edits_between(n->word, k);
	if (edits >= n->edits)
		return false;
	n->edits = edits;
	n->best = known;
	return true;
}
