/*
 * guard.c — see guard.h. What is not public is listed by IANA's special-purpose registries (RFC
 * 6890).
 */
#include "actors/fetch/guard.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* ---- addresses ---------------------------------------------------------------------------- */

struct range {
	uint8_t at[16];
	uint8_t bits;
	const char *is;
};

static const struct range four[] = {
	{ { 0 }, 8, "this network" },
	{ { 10 }, 8, "private" },
	{ { 100, 64 }, 10, "shared by carriers (CGNAT)" },
	{ { 127 }, 8, "loopback" },
	{ { 169, 254 }, 16, "link-local" }, /* 169.254.169.254: keys of cloud machines */
	{ { 172, 16 }, 12, "private" },
	{ { 192, 0, 0 }, 24, "of protocols" },
	{ { 192, 0, 2 }, 24, "for documentation" },
	{ { 192, 88, 99 }, 24, "a 6to4 relay" },
	{ { 192, 168 }, 16, "private" },
	{ { 198, 18 }, 15, "for benchmarks" },
	{ { 198, 51, 100 }, 24, "for documentation" },
	{ { 203, 0, 113 }, 24, "for documentation" },
	{ { 224 }, 4, "multicast" },
	{ { 240 }, 4, "reserved" },
};

/* Before 2000::/3 is public as a whole. */
static const struct range six[] = {
	{ { 0x20, 0x01, 0x00 }, 23, "of protocols" }, /* 2001::/32: Teredo carries any IPv4 */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, "for documentation" },
	{ { 0x20, 0x02 }, 16, "6to4" },
	{ { 0x3f, 0xff }, 20, "for documentation" },
	{ { [15] = 1 }, 128, "loopback" },
	{ { [10] = 0xff, 0xff }, 96, "an IPv4 address in IPv6" },
	{ { 0 }, 96, "unspecified, or an IPv4 address in IPv6" },
	{ { 0xfc }, 7, "private" },
	{ { 0xfe, 0x80 }, 10, "link-local" },
	{ { 0xff }, 8, "multicast" },
};
static const uint8_t public_six[] = { 0x20 };                /* 2000::/3 */
static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b }; /* 64:ff9b::/96, RFC 6052 */

static bool starts(const uint8_t *at, const uint8_t *prefix, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(at, prefix, whole))
		return false;
	return !rest || ((at[whole] ^ prefix[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static const char *among(const struct range *r, size_t n, const uint8_t *at)
{
	for (size_t i = 0; i < n; i++)
		if (starts(at, r[i].at, r[i].bits))
			return r[i].is;
	return NULL;
}

const char *guard_addr_is(const struct guard_addr *a)
{
	if (!a->six)
		return among(four, sizeof four / sizeof *four, a->at);
	if (starts(a->at, nat64, 96)) /* a network without IPv4: what is behind it counts */
		return among(four, sizeof four / sizeof *four, a->at + 12);
	const char *is = among(six, sizeof six / sizeof *six, a->at);
	return is || starts(a->at, public_six, 3) ? is : "not public";
}

/* As inet_pton reads IPv4 since glibc 2: four decimal parts; leading zeros are refused beside it.
 */
static bool read_four(const char *text, uint8_t *ret)
{
	for (const char *p = text; *p; p++)
		if (*p == '0' && (p == text || p[-1] == '.') && p[1] >= '0' && p[1] <= '9')
			return false;
	return inet_pton(AF_INET, text, ret) == 1;
}

bool guard_addr_read(struct str text, struct guard_addr *ret)
{
	char word[INET6_ADDRSTRLEN];
	*ret = (struct guard_addr){ 0 };
	if (!text.len || text.len >= sizeof word || memchr(text.at, 0, text.len))
		return false;
	(void)str_keep(word, sizeof word, text);
	ret->six = strchr(word, ':') != NULL;
	return ret->six ? inet_pton(AF_INET6, word, ret->at) == 1 : read_four(word, ret->at);
}

/* ---- the text of an address --------------------------------------------------------------- */

static enum err no(const char **ret_why, const char *why)
{
	*ret_why = why;
	return ERR_INVALID;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

/* What a browser would take for an IPv4 address by its last label: "1", "0x7f", "0x". */
static bool is_number(struct str label)
{
	bool hex = label.len >= 2 && label.at[0] == '0' && label.at[1] == 'x';
	for (uint32_t i = hex ? 2 : 0; i < label.len; i++)
		if (hex ? !is_hex(label.at[i]) : !is_digit(label.at[i]))
			return false;
	return true;
}

/* Labels of letters, digits, '-' and '_', none empty; *ret_last is the last one. */
static bool is_name(struct str host, struct str *ret_last)
{
	uint32_t from = 0;
	for (uint32_t i = 0; i <= host.len; i++) {
		char c = i < host.len ? host.at[i] : '.';
		if (c == '.') {
			if (i == from || i - from > 63 || host.at[from] == '-')
				return false;
			*ret_last = str_n(host.at + from, i - from);
			from = i + 1;
		} else if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '_') {
			return false;
		}
	}
	return true;
}

static enum err read_name(struct str host, struct guard_url *u, const char **ret_why)
{
	struct str last = { 0 };
	if (host.len && host.at[host.len - 1] == '.') /* the root's dot says nothing more */
		host.len--;
	if (!host.len || host.len > GUARD_HOST_MAX)
		return no(ret_why, "the host is empty, or too long");
	for (uint32_t i = 0; i < host.len; i++) {
		char c = host.at[i];
		u->host[i] = (char)(c >= 'A' && c <= 'Z' ? c | 32 : c);
	}
	u->host[host.len] = '\0';
	host.at = u->host;
	if (!is_name(host, &last))
		return no(ret_why, "the host is neither a name nor an address");
	if (!is_number(last))
		return OK;
	u->literal = guard_addr_read(host, &u->addr);
	return u->literal ? OK
	                  : no(ret_why, "the host is a number in a spelling that is not taken");
}

static enum err read_six(struct str host, struct guard_url *u, const char **ret_why)
{
	u->literal = guard_addr_read(host, &u->addr) && u->addr.six;
	if (!u->literal || !inet_ntop(AF_INET6, u->addr.at, u->host, sizeof u->host))
		return no(ret_why, "what is in brackets is no IPv6 address");
	return OK;
}

static bool read_port(struct str text, uint16_t *ret)
{
	uint32_t port = 0;
	for (uint32_t i = 0; i < text.len; i++) {
		if (!is_digit(text.at[i]) || i >= 5)
			return false;
		port = port * 10 + (uint32_t)(text.at[i] - '0');
	}
	*ret = (uint16_t)port;
	return port >= 1 && port <= 65535;
}

/* host, host:port, [six], [six]:port */
static enum err read_authority(struct str at, struct guard_url *u, const char **ret_why)
{
	bool six_form = at.len && *at.at == '[';
	const char *end = six_form ? memchr(at.at, ']', at.len) : memchr(at.at, ':', at.len);
	struct str host = end ? str_n(at.at, end - at.at) : at;
	if (memchr(at.len ? at.at : "", '@', at.len))
		return no(ret_why, "it has a user in it");
	if (six_form && !end)
		return no(ret_why, "the bracket is not closed");
	if (six_form) {
		host = str_n(at.at + 1, end - at.at - 1);
		end = end + 1 < at.at + at.len ? end + 1 : NULL;
	}
	if (end && (*end != ':' || !read_port(str_n(end + 1, at.at + at.len - end - 1), &u->port)))
		return no(ret_why, "the port is none");
	return six_form ? read_six(host, u, ret_why) : read_name(host, u, ret_why);
}

static struct str scheme_of(struct str text, struct guard_url *u)
{
	static const char *const schemes[] = { "http://", "https://" };
	for (int i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);
		if (text.len < n || strncasecmp(text.at, schemes[i], n) != 0)
			continue;
		u->secure = i;
		u->port = i ? 443 : 80;
		return str_n(text.at + n, text.len - n);
	}
	return (struct str){ 0 };
}

enum err guard_url(struct str text, struct guard_url *ret, const char **ret_why)
{
	*ret = (struct guard_url){ 0 };
	if (text.len > GUARD_URL_MAX)
		return no(ret_why, "it is too long");
	for (uint32_t i = 0; i < text.len; i++)
		if (text.at[i] <= ' ' || text.at[i] > '~' || text.at[i] == '\\')
			return no(ret_why, "it has a character in it that no address has");
	struct str rest = scheme_of(text, ret);
	if (!rest.at)
		return no(ret_why, "it does not begin with http:// or https://");
	uint32_t n = 0;
	while (n < rest.len && !strchr("/?#", rest.at[n]))
		n++;
	ret->target = str_n(rest.at + n, rest.len - n);
	const char *hash = memchr(ret->target.at, '#', ret->target.len);
	if (hash)
		ret->target.len = (uint32_t)(hash - ret->target.at);
	return read_authority(str_n(rest.at, n), ret, ret_why);
}

void guard_url_write(struct buf *b, const struct guard_url *u)
{
	bool brackets = u->literal && u->addr.six;
	buf_text(b, u->secure ? "https://" : "http://");
	buf_printf(b, brackets ? "[%s]" : "%s", u->host);
	if (u->port != (u->secure ? 443 : 80))
		buf_printf(b, ":%u", u->port);
	if (!u->target.len || *u->target.at != '/')
		buf_char(b, '/');
	buf_str(b, u->target);
}

bool guard_same_origin(const struct guard_url *a, const struct guard_url *b)
{
	return a->secure == b->secure && a->port == b->port && !strcmp(a->host, b->host);
}

bool guard_may_follow(const struct guard_url *a, const struct guard_url *b)
{
	bool raised = !a->secure && b->secure && a->port == 80 && b->port == 443;
	return guard_same_origin(a, b) || (raised && !strcmp(a->host, b->host));
}

/* ---- what may be reached ------------------------------------------------------------------ */

static const char between[] = ", \t\n";

static bool next_word(struct str *text, struct str *ret)
{
	while (text->len && strchr(between, *text->at))
		*text = str_n(text->at + 1, text->len - 1);
	uint32_t n = 0;
	while (n < text->len && !strchr(between, text->at[n]))
		n++;
	*ret = str_n(text->at, n);
	*text = str_n(text->at + n, text->len - n);
	return n > 0;
}

/* ADDRESS[/BITS][:PORT] */
static bool read_allowed(struct str word, struct guard_allowed *ret)
{
	bool brackets = *word.at == '[';
	const char *end = word.at + word.len;
	const char *close = brackets ? memchr(word.at, ']', word.len) : NULL;
	const char *from = brackets ? word.at + 1 : word.at, *to = close;
	uint16_t bits = 0;
	*ret = (struct guard_allowed){ 0 };
	if (brackets && !close)
		return false;
	for (to = to ? to : from; !brackets && to < end && *to != '/' && *to != ':';)
		to++;
	if (!guard_addr_read(str_n(from, to - from), &ret->addr) || ret->addr.six != brackets)
		return false;
	ret->bits = brackets ? 128 : 32;
	const char *p = brackets ? to + 1 : to;
	if (p < end && *p == '/') {
		for (p++; p < end && is_digit(*p) && bits <= 128; p++)
			bits = (uint16_t)(bits * 10 + (*p - '0'));
		if (p[-1] == '/' || bits > ret->bits)
			return false;
		ret->bits = (uint8_t)bits;
	}
	return p == end || (*p == ':' && read_port(str_n(p + 1, end - p - 1), &ret->port));
}

enum err guard_read(struct str allow, struct str ports, bool plain, struct guard *ret)
{
	struct str word;
	*ret = (struct guard){ .plain = plain };
	while (next_word(&allow, &word))
		if (ret->n_allowed == GUARD_ALLOWED ||
		    !read_allowed(word, &ret->allowed[ret->n_allowed++]))
			return ERR_INVALID;
	while (next_word(&ports, &word))
		if (ret->n_ports == GUARD_PORTS || !read_port(word, &ret->ports[ret->n_ports++]))
			return ERR_INVALID;
	return OK;
}

static bool is_allowed(const struct guard *g, const struct guard_addr *a, uint16_t port)
{
	for (uint32_t i = 0; i < g->n_allowed; i++) {
		const struct guard_allowed *w = &g->allowed[i];
		if (w->addr.six == a->six && (!w->port || w->port == port) &&
		    starts(a->at, w->addr.at, w->bits))
			return true;
	}
	return false;
}

static const char *door_why(const struct guard *g, bool secure, uint16_t port)
{
	if (!secure && !g->plain)
		return "http:// is not taken: use https://";
	for (uint32_t i = 0; i < g->n_ports; i++)
		if (g->ports[i] == port)
			return NULL;
	return "the port is not among those taken";
}

const char *guard_why(const struct guard *g, bool secure, const struct guard_addr *a, uint16_t port)
{
	if (is_allowed(g, a, port))
		return NULL;
	const char *is = guard_addr_is(a);
	return is ? is : door_why(g, secure, port);
}

const char *guard_name_why(const struct guard *g, const struct guard_url *u)
{
	return u->literal ? guard_why(g, u->secure, &u->addr, u->port)
	                  : door_why(g, u->secure, u->port);
}
