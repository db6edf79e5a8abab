/*
 * slab.h — small memory of one node: actors, letters, asks, holds, in steps of 16 bytes.
 *
 * A freed piece waits in a list of its size; pages go back to the system with the node. So a
 * burst's peak is kept, and a steady node allocates nothing. Under AddressSanitizer each piece is
 * malloc's, so that a use after free is seen.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SLAB_STEP = 16, SLAB_LARGEST = 1024, SLAB_PAGE = 128 * 1024 };

struct slab_piece {
	struct slab_piece *next;
};

struct slab {
	struct slab_piece *spare[SLAB_LARGEST / SLAB_STEP + 1];
	char *fresh, *end;        /* the rest of the newest page */
	struct slab_piece *pages; /* all of them, linked by their first word */
	uint64_t bytes;           /* from the system: pages, and what is larger */
};

void *slab_slow(struct slab *s, size_t bytes);
void slab_give_large(struct slab *s, void *p, size_t bytes);
void slab_done(struct slab *s);

/* Contents undefined. NULL when out of memory. */
static inline void *slab_take(struct slab *s, size_t bytes)
{
#ifndef __SANITIZE_ADDRESS__
	size_t step = (bytes + SLAB_STEP - 1) / SLAB_STEP;
	struct slab_piece *p;
	if (bytes <= SLAB_LARGEST && (p = s->spare[step])) {
		s->spare[step] = p->next;
		return p;
	}
#endif
	return slab_slow(s, bytes);
}

static inline void slab_give(struct slab *s, void *p, size_t bytes)
{
#ifndef __SANITIZE_ADDRESS__
	if (bytes <= SLAB_LARGEST) {
		size_t step = (bytes + SLAB_STEP - 1) / SLAB_STEP;
		struct slab_piece *piece = p;
		piece->next = s->spare[step];
		s->spare[step] = piece;
		return;
	}
#endif
	slab_give_large(s, p, bytes);
}
