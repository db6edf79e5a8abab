/*
 * frames.c — frames.h.
 *
 *     header ──whole──▶ payload: data ──▶ view, or parts ──fin──▶ message
 *       ▲                        control ──▶ control ──whole──▶ ping, pong, close
 *       └──────────────────────────────────────────────────────────┘
 */
#include "gateway/frames.h"
#include "proto/utf8.h"

enum { PARTS_KEPT = 8 * 1024 }; /* a gathered message's memory up to here serves the next one */

void ws_init(struct ws *f, bool server, uint32_t max)
{
	*f = (struct ws){ .masked = server, .max = max };
	buf_init(&f->parts, max);
}

void ws_done(struct ws *f)
{
	buf_done(&f->parts);
}

bool ws_code_ok(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

void ws_mask(char *at, size_t n, const uint8_t key[4], uint32_t phase)
{
	uint8_t turned[8];
	uint64_t wide, eight;
	for (uint32_t i = 0; i < 8; i++)
		turned[i] = key[(phase + i) & 3];
	memcpy(&wide, turned, sizeof wide);
	for (; n >= 8; n -= 8, at += 8) {
		memcpy(&eight, at, sizeof eight);
		eight ^= wide;
		memcpy(at, &eight, sizeof eight);
	}
	for (size_t i = 0; i < n; i++)
		at[i] = (char)((uint8_t)at[i] ^ turned[i]);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void broken(struct ws *f, struct ws_event *ret, uint16_t code, const char *why)
{
	f->ended = true;
	*ret = (struct ws_event){ .is = WS_IS_BROKEN, .code = code, .data = str_of(why) };
}

static uint32_t head_size(const uint8_t *head)
{
	uint32_t len = head[1] & 127;
	return 2 + (len == 126 ? 2 : len == 127 ? 8 : 0) + (head[1] & 128 ? 4 : 0);
}

/* What the first two bytes already say. */
static const char *why_bad_start(const struct ws *f, const uint8_t *head)
{
	uint8_t op = head[0] & 15;
	bool control = op & 8, fin = head[0] & 128;
	if (head[0] & 0x70)
		return "a reserved bit is set";
	if ((op > WS_BINARY && op < WS_CLOSE) || op > WS_PONG)
		return "an unknown opcode";
	if (!!(head[1] & 128) != f->masked)
		return f->masked ? "a frame is not masked" : "a frame is masked";
	if (control && !fin)
		return "a control frame is cut";
	if (control && (head[1] & 127) > WS_CONTROL)
		return "a control frame is too long";
	if (op == WS_MORE && !f->gather)
		return "nothing to continue";
	if (!control && op != WS_MORE && f->gather)
		return "a message within a message";
	return NULL;
}

static uint64_t length_of(const uint8_t *head)
{
	uint32_t len = head[1] & 127, wide = len == 126 ? 2 : len == 127 ? 8 : 0;
	uint64_t n = wide ? 0 : len;
	for (uint32_t i = 0; i < wide; i++)
		n = n << 8 | head[2 + i];
	return n;
}

/* A whole header: the frame begins, or the wire is broken. */
static bool begin(struct ws *f, const uint8_t *head, uint32_t size, struct ws_event *ret)
{
	uint64_t len = length_of(head);
	uint32_t shape = head[1] & 127;
	if ((shape == 126 && len < 126) || (shape == 127 && len < 65536)) {
		broken(f, ret, CLOSE_PROTOCOL, "a length longer than it need be");
		return false;
	}
	if (len >> 63) {
		broken(f, ret, CLOSE_PROTOCOL, "a length out of range");
		return false;
	}
	f->op = head[0] & 15;
	f->fin = head[0] & 128;
	if (!(f->op & 8) && len > f->max - (f->gather ? f->parts.len : 0)) {
		broken(f, ret, CLOSE_TOO_LARGE, "a message is too large");
		return false;
	}
	if (f->masked)
		memcpy(f->key, head + size - 4, 4);
	f->left = (uint32_t)len;
	f->phase = 0;
	f->payload = true;
	f->n_head = 0;
	f->n_control = 0;
	return true;
}

/* Reads a header, which may come byte by byte. Returns the bytes used. */
static size_t read_head(struct ws *f, const char *at, size_t n, struct ws_event *ret)
{
	const uint8_t *in = (const uint8_t *)at;
	const char *why;
	size_t used = 0;
	if (!f->n_head && n >= 2 && n >= head_size(in)) {
		why = why_bad_start(f, in);
		if (why)
			broken(f, ret, CLOSE_PROTOCOL, why);
		else
			(void)begin(f, in, head_size(in), ret);
		return head_size(in);
	}
	while (used < n && !f->payload && !f->ended) {
		f->head[f->n_head++] = in[used++];
		if (f->n_head == 2 && (why = why_bad_start(f, f->head)))
			broken(f, ret, CLOSE_PROTOCOL, why);
		else if (f->n_head >= 2 && f->n_head == head_size(f->head))
			(void)begin(f, f->head, f->n_head, ret);
	}
	return used;
}

/* Could these bytes, fewer than a character needs, be the start of one? Tried by filling it up with
 * the two ends of what may follow: lead bytes E0, ED, F0 and F4 allow half of it. */
static bool may_begin(const char *at, size_t n)
{
	for (int fill = 0; fill < 2; fill++) {
		char whole[4] = { at[0] };
		uint8_t lead = (uint8_t)at[0];
		size_t need = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
		if (n >= need)
			return false;
		for (size_t i = 1; i < need; i++)
			whole[i] = i < n ? at[i] : (char)(fill ? 0xbf : 0x80);
		if (utf8_prefix(whole, need) == need)
			return true;
	}
	return false;
}

/* Looks at what was gathered since the last time; `end`: nothing may be left open. */
static bool text_ok(struct ws *f, bool end)
{
	size_t n = f->parts.len - f->checked;
	if (!n)
		return true;
	const char *at = f->parts.at + f->checked;
	size_t good = utf8_prefix(at, n);
	f->checked += (uint32_t)good;
	return good == n || (!end && may_begin(at + good, n - good));
}

static void message(struct ws *f, struct str data, bool binary, struct ws_event *ret)
{
	f->payload = false;
	f->gather = 0;
	*ret = (struct ws_event){ .is = WS_IS_MESSAGE, .binary = binary, .data = data };
}

/* All of a message in one frame, and all of that here. */
static void read_whole(struct ws *f, char *at, struct ws_event *ret)
{
	struct str data = str_n(at, f->left);
	if (f->masked)
		ws_mask(at, f->left, f->key, 0);
	if (f->op == WS_TEXT && !utf8_valid(data))
		broken(f, ret, CLOSE_NOT_TEXT, "text is not UTF-8");
	else
		message(f, data, f->op == WS_BINARY, ret);
}

static void read_part(struct ws *f, char *at, uint32_t n, struct ws_event *ret)
{
	if (f->op != WS_MORE && !f->gather) {
		f->gather = f->op;
		f->checked = 0;
	}
	if (f->masked)
		ws_mask(at, n, f->key, f->phase);
	buf_put(&f->parts, at, n);
	f->phase += n;
	f->left -= n;
	if (buf_err(&f->parts)) {
		broken(f, ret, CLOSE_FAULT, "out of memory");
		return;
	}
	bool end = !f->left && f->fin;
	if (f->gather == WS_TEXT && !text_ok(f, end)) {
		broken(f, ret, CLOSE_NOT_TEXT, "text is not UTF-8");
		return;
	}
	if (!f->left)
		f->payload = false;
	if (!end)
		return;
	f->given = true;
	message(f, buf_view(&f->parts), f->gather == WS_BINARY, ret);
}

static void closed(struct ws *f, struct ws_event *ret)
{
	struct str reason = { 0 };
	uint16_t code = CLOSE_NONE;
	if (f->n_control == 1) {
		broken(f, ret, CLOSE_PROTOCOL, "half a close code");
		return;
	}
	if (f->n_control) {
		code = (uint16_t)((uint8_t)f->control[0] << 8 | (uint8_t)f->control[1]);
		reason = str_n(f->control + 2, f->n_control - 2u);
	}
	if (f->n_control && !ws_code_ok(code)) {
		broken(f, ret, CLOSE_PROTOCOL, "a close code that may not be sent");
	} else if (reason.len && !utf8_valid(reason)) {
		broken(f, ret, CLOSE_NOT_TEXT, "the reason is not UTF-8");
	} else {
		f->ended = true;
		*ret = (struct ws_event){ .is = WS_IS_CLOSE, .code = code, .data = reason };
	}
}

static void read_control(struct ws *f, const char *at, uint32_t n, struct ws_event *ret)
{
	if (n)
		memcpy(f->control + f->n_control, at, n);
	f->n_control = (uint8_t)(f->n_control + n);
	f->left -= n;
	if (f->left)
		return;
	f->payload = false;
	if (f->masked)
		ws_mask(f->control, f->n_control, f->key, 0);
	if (f->op == WS_CLOSE) {
		closed(f, ret);
		return;
	}
	*ret = (struct ws_event){ .is = f->op == WS_PING ? WS_IS_PING : WS_IS_PONG,
		                  .data = str_n(f->control, f->n_control) };
}

/* The message that was given out is done with. */
static void forget(struct ws *f)
{
	f->given = false;
	f->checked = 0;
	buf_clear(&f->parts);
	if (f->parts.cap > PARTS_KEPT)
		buf_done(&f->parts);
}

size_t ws_read(struct ws *f, char *at, size_t n, struct ws_event *ret)
{
	size_t used = 0;
	*ret = (struct ws_event){ .is = WS_IS_NONE };
	if (f->given)
		forget(f);
	while (!f->ended && !ret->is && (used < n || (f->payload && !f->left))) {
		if (!f->payload) {
			used += read_head(f, at + used, n - used, ret);
			continue;
		}
		uint32_t here = n - used < f->left ? (uint32_t)(n - used) : f->left;
		if (f->op & 8)
			read_control(f, at + used, here, ret);
		else if (f->fin && f->op != WS_MORE && !f->phase && here == f->left)
			read_whole(f, at + used, ret);
		else
			read_part(f, at + used, here, ret);
		used += here;
	}
	return ret->is ? used : n;
}

/* ---- writing --------------------------------------------------------------------------------- */

void ws_put(struct buf *b, enum ws_op op, struct str data, const uint8_t key[4])
{
	uint8_t head[WS_HEAD] = { (uint8_t)(0x80 | op) };
	uint32_t n = 2, wide = data.len > 65535 ? 8 : data.len > 125 ? 2 : 0;
	head[1] = (uint8_t)(wide == 8 ? 127 : wide ? 126 : data.len);
	for (uint32_t i = 0; i < wide; i++)
		head[n++] = (uint8_t)((uint64_t)data.len >> 8 * (wide - 1 - i));
	if (key) {
		head[1] |= 128;
		memcpy(head + n, key, 4);
		n += 4;
	}
	char *to = buf_room(b, (size_t)n + data.len);
	if (!to)
		return;
	memcpy(to, head, n);
	if (data.len)
		memcpy(to + n, data.at, data.len);
	if (key)
		ws_mask(to + n, data.len, key, 0);
	buf_took(b, (size_t)n + data.len);
}

void ws_put_close(struct buf *b, unsigned code, struct str reason, const uint8_t key[4])
{
	char body[WS_CONTROL] = { (char)(code >> 8), (char)code };
	uint32_t n = reason.len > WS_REASON ? utf8_cut(reason, WS_REASON) : reason.len;
	if (code == CLOSE_NONE) {
		ws_put(b, WS_CLOSE, (struct str){ 0 }, key);
		return;
	}
	if (n)
		memcpy(body + 2, reason.at, n);
	ws_put(b, WS_CLOSE, str_n(body, 2u + n), key);
}
