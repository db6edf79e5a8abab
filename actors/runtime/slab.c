/*
 * slab.c — where slab_take() goes when its list is empty.
 */
#include "actors/runtime/slab.h"
#include <stdlib.h>

#ifndef __SANITIZE_ADDRESS__
static void *carve(struct slab *s, size_t bytes)
{
	if ((size_t)(s->end - s->fresh) < bytes) {
		char *page = malloc(SLAB_PAGE); /* what is left of the old one is at most a piece */
		if (!page)
			return NULL;
		((struct slab_piece *)page)->next = s->pages;
		s->pages = (struct slab_piece *)page;
		s->fresh = page + SLAB_STEP;
		s->end = page + SLAB_PAGE;
		s->bytes += SLAB_PAGE;
	}
	void *p = s->fresh;
	s->fresh += bytes;
	return p;
}
#endif

void *slab_slow(struct slab *s, size_t bytes)
{
	size_t whole = (bytes + SLAB_STEP - 1) / SLAB_STEP * SLAB_STEP;
#ifndef __SANITIZE_ADDRESS__
	if (whole <= SLAB_LARGEST)
		return carve(s, whole);
#endif
	void *p = malloc(whole);
	if (p)
		s->bytes += whole;
	return p;
}

void slab_give_large(struct slab *s, void *p, size_t bytes)
{
	s->bytes -= (bytes + SLAB_STEP - 1) / SLAB_STEP * SLAB_STEP;
	free(p);
}

void slab_done(struct slab *s)
{
	while (s->pages) {
		struct slab_piece *page = s->pages;
		s->pages = page->next;
		free(page);
	}
	*s = (struct slab){ 0 };
}
