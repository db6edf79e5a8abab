/*
 * glob.c — any pattern over any name, parted by the first NUL: the answer is that of a table of all
 * prefixes, which is slow and plain.
 */
#include "proto/glob.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { MOST = 200 }; /* bytes of either; ours */

/* fits[j]: the pattern so far takes the first j bytes of the text. */
static bool by_table(struct str pattern, struct str text)
{
	bool fits[MOST + 1] = { true };
	for (uint32_t i = 0; i < pattern.len; i++) {
		bool before = fits[0];
		fits[0] = before && pattern.at[i] == '*';
		for (uint32_t j = 1; j <= text.len; j++) {
			bool corner = before;
			before = fits[j];
			if (pattern.at[i] == '*')
				fits[j] = fits[j] || fits[j - 1];
			else
				fits[j] = corner &&
				          (pattern.at[i] == '?' || pattern.at[i] == text.at[j - 1]);
		}
	}
	return fits[text.len];
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	const uint8_t *nul = len ? memchr(at, 0, len) : NULL;
	if (!nul)
		return 0;
	struct str pattern = str_n((const char *)at, (size_t)(nul - at));
	struct str text = str_n((const char *)nul + 1, len - pattern.len - 1);
	if (pattern.len > MOST || text.len > MOST)
		return 0;
	if (glob_match(pattern, text) != by_table(pattern, text))
		abort();
	return 0;
}
