/*
 * glob.c — greedy match that returns to the last star only.
 */
#include "proto/glob.h"

bool glob_match(struct str pattern, struct str text)
{
	uint32_t p = 0, t = 0, star = UINT32_MAX, resume = 0;
	while (t < text.len) {
		if (p < pattern.len && pattern.at[p] == '*') {
			star = p++;
			resume = t;
		} else if (p < pattern.len &&
		           (pattern.at[p] == '?' || pattern.at[p] == text.at[t])) {
			p++;
			t++;
		} else if (star != UINT32_MAX) {
			p = star + 1;
			t = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.at[p] == '*')
		p++;
	return p == pattern.len;
}
