/*
 * access.c — access.h.
 */
#include "gateway/access.h"
#include "proto/date.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { GATHER_MAX = 256 * 1024, TEXT_MAX = 256 };

struct access {
	int fd;
	bool own;
	struct buf lines;
	uint32_t n; /* lines in there */
	uint64_t lost;
};

enum err access_new(const char *where, struct access **ret)
{
	struct access *a = calloc(1, sizeof *a);
	if (!a)
		return ERR_MEMORY;
	a->fd = -1;
	if (strcmp(where, "-") == 0) {
		a->fd = STDERR_FILENO;
	} else if (*where) {
		a->own = true;
		a->fd = open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	}
	if (a->own && a->fd < 0) {
		free(a);
		return ERR_IO;
	}
	buf_init(&a->lines, GATHER_MAX);
	*ret = a;
	return OK;
}

void access_free(struct access **ret)
{
	struct access *a = *ret;
	*ret = NULL;
	if (!a)
		return;
	access_flush(a);
	if (a->own)
		close(a->fd);
	buf_done(&a->lines);
	free(a);
}

/* Visible ASCII only, so that no peer can begin a line, a field or a terminal's escape. */
static void put_bare(struct buf *b, struct str s)
{
	static const char digits[] = "0123456789ABCDEF";
	for (uint32_t i = 0; i < s.len && i < TEXT_MAX; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c > ' ' && c < 0x7f && c != '"') {
			buf_char(b, (char)c);
			continue;
		}
		buf_char(b, '%');
		buf_char(b, digits[c >> 4]);
		buf_char(b, digits[c & 15]);
	}
	if (s.len > TEXT_MAX)
		buf_text(b, "...");
}

static void put_query(struct buf *b, struct str query)
{
	char mark = '?';
	for (int n = 0; query.len && n < 16; n++) {
		const char *end = memchr(query.at, '&', query.len);
		uint32_t len = end ? (uint32_t)(end - query.at) : query.len;
		const char *eq = memchr(query.at, '=', len);
		buf_char(b, mark);
		put_bare(b, str_n(query.at, eq ? (size_t)(eq - query.at) : 0));
		buf_text(b, eq ? "=" : "-"); /* without a '=' it may be a value */
		len += end != NULL;
		query = str_n(query.at + len, query.len - len);
		mark = '&';
	}
}

void access_write(struct buf *b, const struct access_line *line)
{
	char when[DATE_TEXT_MAX], id[TRACE_ID_TEXT];
	trace_id(line->trace, id);
	buf_printf(b, "ts=%s msg=request method=", date_write(line->wall_us, when));
	put_bare(b, line->method.len ? line->method : str_of("-"));
	buf_text(b, " path=");
	put_bare(b, line->path.len ? line->path : str_of("-"));
	put_query(b, line->query);
	buf_printf(b, " status=%d bytes=%llu ms=%llu.%llu peer=%s trace=%s", line->status,
	           (unsigned long long)line->bytes, (unsigned long long)(line->took_us / 1000),
	           (unsigned long long)(line->took_us / 100 % 10), line->peer, id);
	if (line->business)
		buf_printf(b, " business=%llu key=%llu", (unsigned long long)line->business,
		           (unsigned long long)line->key);
	buf_char(b, '\n');
}

void access_put(struct access *a, const struct access_line *line)
{
	if (a->fd < 0)
		return;
	size_t before = a->lines.len;
	access_write(&a->lines, line);
	if (!buf_err(&a->lines)) {
		a->n++;
		return;
	}
	a->lines.len = before;
	a->lines.err = OK;
	a->lost++;
}

void access_put_wire(struct access *a, const struct access_wire *w)
{
	char when[DATE_TEXT_MAX], id[TRACE_ID_TEXT];
	struct buf *b = &a->lines;
	if (a->fd < 0)
		return;
	size_t before = b->len;
	trace_id(w->trace, id);
	buf_printf(b, "ts=%s msg=wire_closed %s=", date_write(w->wall_us, when),
	           w->dialled ? "host" : "path");
	put_bare(b, w->path);
	buf_printf(b, " code=%u by=%s reason=", w->code, w->ours ? "us" : "peer");
	put_bare(b, w->reason.len ? w->reason : str_of("-"));
	buf_printf(b, " received=%llu sent=%llu shed=%llu ms=%llu peer=%s trace=%s\n",
	           (unsigned long long)w->received, (unsigned long long)w->sent,
	           (unsigned long long)w->shed, (unsigned long long)(w->took_us / 1000), w->peer,
	           id);
	if (!buf_err(b)) {
		a->n++;
		return;
	}
	b->len = before;
	b->err = OK;
	a->lost++;
}

void access_flush(struct access *a)
{
	size_t done = 0;
	while (done < a->lines.len) {
		ssize_t put = write(a->fd, a->lines.at + done, a->lines.len - done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			a->lost += a->n;
			break;
		}
		done += (size_t)put;
	}
	a->n = 0;
	buf_clear(&a->lines);
}

uint64_t access_lost(const struct access *a)
{
	return a->lost;
}
