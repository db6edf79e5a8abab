/*
 * call.c — any bytes as what the carrier or the AI says, by the first byte; in a state that the
 * second one chooses. What is taken is within its bounds, and audio that may be passed on is
 * base64.
 */
#include "actors/call_session/realtime.h"
#include "actors/call_session/sound.h"
#include "actors/call_session/twilio.h"
#include "proto/base64.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check_audio(struct str base64)
{
	static char bytes[1 << 20];
	uint32_t n;
	size_t read;
	if (base64.len > sizeof bytes || !sound_measure(base64, &n))
		return;
	for (uint32_t i = 0; i < base64.len; i++)
		must(base64.at[i] != '"' && base64.at[i] != '\\' && (uint8_t)base64.at[i] >= ' ');
	if (base64_read(base64, bytes, &read))
		must(read == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static char room[1 << 16] __attribute__((aligned(8)));
	struct arena a = ARENA_OVER(room);
	if (len < 2)
		return 0;
	struct str text = str_n((const char *)at + 2, len - 2);
	if (at[0] & 1) {
		struct twilio t = { .stream = "MZ1", .started = at[1] & 1, .chunk = at[1] >> 1 };
		struct twilio_heard h;
		if (twilio_read(&t, text, &a, &h) == TWILIO_AUDIO)
			check_audio(h.media.payload);
		must(t.frames <= 1 && memchr(t.stream, 0, sizeof t.stream));
		return 0;
	}
	struct realtime r = { .state = (enum realtime_state)(at[1] % 5), .response = "r1" };
	struct realtime_heard h;
	if (at[1] & 128)
		realtime_forget(&r);
	if (realtime_read(&r, text, &a, &h) == REALTIME_AUDIO)
		check_audio(h.delta);
	must(memchr(r.response, 0, sizeof r.response) && r.state <= REALTIME_READY);
	return 0;
}
