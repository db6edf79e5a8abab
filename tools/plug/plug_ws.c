/*
 * plug_ws.c — a plug's WebSocket, by wslay's frame layer.
 */
#include "proto/base64.h"
#include "proto/utf8.h"
#include "tools/plug/plug_in.h"
#include <stdio.h>
#include <wslay/wslay.h>

enum { CONTROL_MAX = 125 };

void plug_accept_of(struct str key, char ret[32])
{
	char text[64];
	uint8_t sum[PLUG_SHA1] = { 0 };
	int n = snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", STR(key));
	if (plug_sha1(str_n(text, (size_t)n), sum))
		memset(sum, 0, sizeof sum);
	base64_write(str_n((const char *)sum, sizeof sum), ret);
	ret[base64_text_len(sizeof sum)] = '\0';
}

/* ---- wslay asks ---------------------------------------------------------------------------- */

static ssize_t on_send(const uint8_t *at, size_t n, int flags, void *ctx)
{
	struct plug *p = ctx;
	(void)flags;
	buf_put(&p->out, at, n);
	return (ssize_t)n;
}

static ssize_t on_recv(uint8_t *to, size_t n, int flags, void *ctx)
{
	(void)flags;
	ssize_t r = plug_read(ctx, to, n);
	return r > 0 ? r : -1;
}

static int on_mask(uint8_t *to, size_t n, void *ctx)
{
	struct plug *p = ctx;
	for (size_t i = 0; i < n; i++) {
		p->seed = p->seed * 1664525 + 1013904223; /* Numerical Recipes */
		to[i] = (uint8_t)(p->seed >> 24);
	}
	return 0;
}

MUST enum err plug_frames_begin(struct plug *p)
{
	static const struct wslay_frame_callbacks callbacks = { on_send, on_recv, on_mask };
	return wslay_frame_context_init(&p->frames, &callbacks, p) ? ERR_MEMORY : OK;
}

void plug_frames_done(struct plug *p)
{
	if (p->frames)
		wslay_frame_context_free(p->frames);
	p->frames = NULL;
}

/* ---- out ----------------------------------------------------------------------------------- */

static void say(struct plug *p, uint8_t opcode, struct str what)
{
	struct wslay_frame_iocb f = { .fin = 1,
		                      .opcode = opcode,
		                      .payload_length = what.len,
		                      .mask = p->client,
		                      .data = (const uint8_t *)what.at,
		                      .data_length = what.len };
	if (p->sent_close)
		return;
	do {
		ssize_t n = wslay_frame_send(p->frames, &f);
		if (n < 0) {
			buf_fail(&p->out, ERR_IO);
			break;
		}
		f.data += n;
		f.data_length -= (size_t)n;
	} while (f.data_length);
	plug_loop_dirty(p->loop, p);
}

void plug_say(struct plug *p, struct str text)
{
	if (p->state != PLUG_OPEN)
		return;
	say(p, WSLAY_TEXT_FRAME, text);
	p->sent++;
}

void plug_say_binary(struct plug *p, struct str bytes)
{
	if (p->state != PLUG_OPEN)
		return;
	say(p, WSLAY_BINARY_FRAME, bytes);
	p->sent++;
}

void plug_say_close(struct plug *p, uint16_t code)
{
	char body[2] = { (char)(code >> 8), (char)code };
	say(p, WSLAY_CONNECTION_CLOSE, str_n(body, code ? 2 : 0));
	p->sent_close = true;
}

/* ---- in ------------------------------------------------------------------------------------ */

static void offend(struct plug *p, uint16_t code, const char *what)
{
	if (!p->why[0])
		str_keep(p->why, sizeof p->why, str_of(what));
	plug_say_close(p, code);
	plug_flush(p);
	plug_end(p, what);
}

static bool is_sendable(uint16_t code) /* RFC 6455 7.4, and IANA's registry */
{
	return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
	       (code >= 3000 && code <= 4999);
}

static void on_close(struct plug *p, struct str body)
{
	p->got_close = true;
	p->code = 1005;
	if (body.len >= 2)
		p->code = (uint16_t)((uint8_t)body.at[0] << 8 | (uint8_t)body.at[1]);
	if (body.len == 1 || (body.len >= 2 && !is_sendable(p->code)) ||
	    (body.len > 2 && !utf8_valid(str_n(body.at + 2, body.len - 2)))) {
		offend(p, 1002, "a close frame that is none");
		return;
	}
	if (!p->sent_close)
		plug_say_close(p, p->code == 1005 ? 0 : p->code);
	p->state = PLUG_CLOSING;
	plug_loop_dirty(p->loop, p);
}

static void on_message(struct plug *p, uint8_t opcode, struct str what)
{
	switch (opcode) {
	case WSLAY_PING:
		say(p, WSLAY_PONG, what);
		return;
	case WSLAY_PONG:
		return;
	case WSLAY_CONNECTION_CLOSE:
		on_close(p, what);
		return;
	case WSLAY_TEXT_FRAME:
		if (!utf8_valid(what)) {
			offend(p, 1007, "text that is not UTF-8");
			return;
		}
		break;
	default:
		break;
	}
	p->received++;
	if (p->state == PLUG_OPEN && p->ops->said)
		p->ops->said(p, opcode == WSLAY_BINARY_FRAME, what);
}

/* A frame's head has been read. */
static bool frame_begins(struct plug *p, const struct wslay_frame_iocb *f)
{
	bool control = wslay_is_ctrl_frame(f->opcode);
	const char *why = f->mask == p->client                 ? "a mask that is wrong this way"
	                  : f->rsv                             ? "reserved bits set"
	                  : control && f->payload_length > 125 ? "a control frame too long"
	                  : !control && f->opcode > 2          ? "an unknown opcode"
	                  : !control && !f->opcode == !p->message_opcode ? "a fragment out of place"
	                                                                 : NULL;
	if (why) {
		offend(p, 1002, why);
		return false;
	}
	if (p->message.len + f->payload_length > PLUG_SAID_MAX) {
		offend(p, 1009, "a message above 16 MiB");
		return false;
	}
	p->frame_opcode = f->opcode;
	p->frame_fin = f->fin;
	p->frame_left = f->payload_length;
	if (!control && f->opcode)
		p->message_opcode = f->opcode;
	return true;
}

/* A control frame may stand between the fragments of a message: it has a place of its own, behind
 * what there is of that. */
static void frame_ends(struct plug *p, struct str whole)
{
	if (wslay_is_ctrl_frame(p->frame_opcode)) {
		on_message(p, p->frame_opcode, whole);
	} else if (p->frame_fin) {
		uint8_t opcode = p->message_opcode;
		p->message_opcode = 0;
		on_message(p, opcode, whole);
		buf_clear(&p->message);
	}
}

static void frame_goes_on(struct plug *p, const struct wslay_frame_iocb *f)
{
	struct str piece = str_n((const char *)f->data, f->data_length);
	bool control = wslay_is_ctrl_frame(p->frame_opcode);
	bool whole = piece.len == p->frame_left && (control || !p->message.len);
	size_t before = p->message.len;
	p->frame_left -= piece.len;
	if (whole && (p->frame_fin || control)) {
		frame_ends(p, piece); /* as it lies in wslay's memory: the usual case */
		return;
	}
	buf_str(&p->message, piece);
	if (p->frame_left || buf_err(&p->message))
		return;
	if (control) {
		char copy[CONTROL_MAX + 1];
		size_t n = f->payload_length <= CONTROL_MAX ? f->payload_length : 0;
		p->message.len = before + piece.len - n;
		memcpy(copy, p->message.at + p->message.len, n);
		frame_ends(p, str_n(copy, n));
	} else {
		frame_ends(p, buf_view(&p->message));
	}
}

void plug_read_frames(struct plug *p)
{
	struct wslay_frame_iocb f;
	while (p->state == PLUG_OPEN || (p->state == PLUG_CLOSING && !p->got_close)) {
		memset(&f, 0, sizeof f);
		ssize_t n = wslay_frame_recv(p->frames, &f);
		if (p->state == PLUG_ENDED || n == WSLAY_ERR_WANT_READ)
			return;
		if (n < 0) {
			offend(p, 1002, "bytes that are no frame");
			return;
		}
		if (!p->frame_left && !frame_begins(p, &f))
			return;
		frame_goes_on(p, &f);
		if (buf_err(&p->message)) {
			plug_end(p, "out of memory");
			return;
		}
	}
}
