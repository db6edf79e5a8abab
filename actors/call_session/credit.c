/*
 * credit.c — how much may still be written to the carrier's socket (playout.h).
 *
 * What a socket's owner and the kernel hold back is asked for once in a while, and writing stops
 * before the bound of the wire would throw anything away: so no answer is cut, however long.
 */
#include "actors/call_session/playout.h"

enum {
	LOOK_EVERY = 8 << 10,   /* bytes written between looks: 0.7 s of audio */
	UNSEEN_MOST = 16 << 10, /* written without an answer to a look */
	LEVEL_HIGH = 32 << 10,  /* bytes on our side: stop */
	LEVEL_LOW = 16 << 10,   /* go on */
};

bool playout_may_write(const struct playout *p)
{
	return p->open && p->since_look < UNSEEN_MOST;
}

bool playout_look_due(const struct playout *p)
{
	return !p->asked && (p->since_look >= LOOK_EVERY || !p->open);
}

void playout_level(struct playout *p, uint64_t bytes, uint64_t now_us)
{
	if (bytes < p->level + p->since_look || bytes <= LEVEL_LOW)
		p->drained_us = now_us;
	p->asked = false;
	p->since_look = 0;
	p->level = bytes;
	p->open = bytes <= (p->open ? LEVEL_HIGH : LEVEL_LOW);
}

/* What was shed is a hole; so that nothing is heard at the wrong place, its answer ends there. */
void playout_shed(struct playout *p, uint64_t audio_ms)
{
	playout_end_item(p, (struct str){ 0 });
	p->dropped += p->held.len;
	p->got -= p->held.len;
	ring_done(&p->held);
	p->open = false;
	p->dropped += audio_ms * SOUND_PER_MS;
}

void playout_room(struct playout *p, uint64_t now_us)
{
	p->open = true;
	p->since_look = 0;
	p->drained_us = now_us;
}
