/*
 * frames.h — RFC 6455 framing: bytes in, messages up; messages down, bytes out. Pure: no socket, no
 * clock.
 *
 *     bytes ──▶ ws_read() ──▶ message │ ping │ pong │ close │ broken (with the code to close
 * by) bytes ◀── ws_put()  ◀── message, ping, pong, close
 *
 * A message that lies whole in one frame and one piece of input is unmasked where it lies and given
 * out as a view: no copy, no memory. Others are gathered, never beyond `max`; a header that claims
 * more is refused before a byte of it is taken. Text is UTF-8 or the wire breaks, at the first byte
 * that cannot be, however it is cut. No extensions.
 */
#pragma once
#include "proto/buf.h"

enum ws_op {
	WS_MORE = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

enum {
	WS_HEAD = 14,     /* bytes of the longest header */
	WS_CONTROL = 125, /* bytes a control frame may carry */
	WS_REASON = 123,  /*   of them for the reason of a close */
};

/* RFC 6455, 7.4, and IANA's registry. */
enum ws_code {
	CLOSE_NORMAL = 1000,
	CLOSE_AWAY = 1001,
	CLOSE_PROTOCOL = 1002,
	CLOSE_NONE = 1005,     /* a close frame without a code; never sent */
	CLOSE_ABNORMAL = 1006, /* no close frame; never sent */
	CLOSE_NOT_TEXT = 1007,
	CLOSE_POLICY = 1008,
	CLOSE_TOO_LARGE = 1009,
	CLOSE_FAULT = 1011,
	CLOSE_RESTART = 1012,
	CLOSE_LATER = 1013,
};

enum ws_is {
	WS_IS_NONE,    /* all bytes are used, and more are needed */
	WS_IS_MESSAGE, /* data; binary */
	WS_IS_PING,    /* data */
	WS_IS_PONG,    /* data */
	WS_IS_CLOSE,   /* code, CLOSE_NONE when it has none; data is the reason */
	WS_IS_BROKEN,  /* code to close by; data says why. Nothing is read from here on */
};

struct ws_event {
	enum ws_is is;
	bool binary;
	uint16_t code;
	struct str data; /* lives until the next call, and no longer than the input */
};

/* One wire, as it is read. */
struct ws {
	uint32_t max;   /* bytes of a message */
	bool masked;    /* what comes must be: we are the server; else it must not */
	bool ended;     /* after close or broken: the rest is thrown away */
	bool fin;       /* of the frame under way */
	bool given;     /* the gathered message was handed out */
	uint8_t op;     /* of the frame under way */
	uint8_t gather; /* WS_TEXT or _BINARY while a message is gathered; else 0 */
	uint8_t n_head; /* bytes of its header that are here, if it is not whole */
	uint8_t n_control;
	bool payload; /* its header is read */
	uint8_t head[WS_HEAD], key[4];
	char control[WS_CONTROL];
	uint32_t phase;   /* bytes of the payload that were unmasked */
	uint32_t left;    /*   and those still to come */
	uint32_t checked; /* bytes of `parts` known to be UTF-8 */
	struct buf parts;
};

/* server: we are, and the other end masks. max: of a message, at most 1 GiB. */
void ws_init(struct ws *f, bool server, uint32_t max);
void ws_done(struct ws *f);

/* Takes what it can of the n bytes, which it may unmask in place, and returns how many; stops at
 * the first event. WS_IS_NONE: all were taken. */
size_t ws_read(struct ws *f, char *at, size_t n, struct ws_event *ret);

/* Append one whole frame; `key`: mask it with this (we are a client), NULL: not. */
void ws_put(struct buf *b, enum ws_op op, struct str data, const uint8_t key[4]);
/* A close frame; CLOSE_NONE sends none of both. The reason is cut at WS_REASON bytes. */
void ws_put_close(struct buf *b, unsigned code, struct str reason, const uint8_t key[4]);

/* Bytes that a frame with so much in it takes. */
static inline size_t ws_bytes(size_t len, bool mask)
{
	return len + 2 + (len > 125 ? 2 : 0) + (len > 65535 ? 6 : 0) + (mask ? 4 : 0);
}

/* May a close frame say so: 1000–1003, 1007–1014, 3000–4999. */
bool ws_code_ok(unsigned code);
/* XOR with the key, which has been used for `phase` bytes before. */
void ws_mask(char *at, size_t n, const uint8_t key[4], uint32_t phase);
