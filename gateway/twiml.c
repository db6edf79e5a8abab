#include "gateway/twiml.h"

static void put_escaped(struct buf *b, struct str s)
{
	for (uint32_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		switch (c) {
		case '&':
			buf_text(b, "&amp;");
			break;
		case '<':
			buf_text(b, "&lt;");
			break;
		case '>':
			buf_text(b, "&gt;");
			break;
		case '"':
			buf_text(b, "&quot;");
			break;
		default: /* XML 1.0 has no other control characters, escaped or not */
			buf_char(b, c < ' ' && c != '\t' && c != '\n' ? ' ' : (char)c);
		}
	}
}

static void put_attribute(struct buf *b, const char *name, struct str value)
{
	buf_text(b, " ");
	buf_text(b, name);
	buf_text(b, "=\"");
	put_escaped(b, value);
	buf_text(b, "\"");
}

static void put_open(struct buf *b)
{
	buf_text(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>");
}

static void put_dial(struct buf *b, struct str number)
{
	buf_text(b, "<Dial>");
	put_escaped(b, number);
	buf_text(b, "</Dial>");
}

void twiml_stream(struct buf *b, const struct twiml_stream *s)
{
	put_open(b);
	buf_text(b, "<Connect><Stream");
	put_attribute(b, "url", s->url);
	if (s->status_url.len)
		put_attribute(b, "statusCallback", s->status_url);
	buf_text(b, "><Parameter name=\"token\"");
	put_attribute(b, "value", s->token);
	buf_text(b, "/></Stream></Connect>");
	if (s->then_dial.len)
		put_dial(b, s->then_dial);
	buf_text(b, "</Response>");
}

void twiml_say(struct buf *b, struct str words, struct str dial)
{
	put_open(b);
	if (words.len) {
		buf_text(b, "<Say>");
		put_escaped(b, words);
		buf_text(b, "</Say>");
	}
	if (dial.len)
		put_dial(b, dial);
	else
		buf_text(b, "<Hangup/>");
	buf_text(b, "</Response>");
}
