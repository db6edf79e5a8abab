/*
 * view.h — what a tap prints: each copy as a line of text or JSON, at the end a diagram or a
 * summary.
 *
 * Pure: copies in, text out. A line is the text form (proto/text.h), so it can be pasted into a
 * scenario; what is no message (a body left out, copies lost) is a comment that starts with '#'.
 */
#pragma once
#include "proto/buf.h"
#include "proto/tap.h"
#include "tools/tap/sequence.h"

enum view_form { VIEW_TEXT, VIEW_JSON, VIEW_SEQUENCE, VIEW_MERMAID };

struct view {
	enum view_form form;
	bool reveal;
	uint64_t limit; /* stop after so many; 0: 1,000 */
	uint64_t shown, lost, unread /* bodies that this program could not read */;
	uint64_t skipped, unsaid; /* by view_skip(); unsaid: since the last that was shown */
	struct sequence sequence;
};

MUST enum err view_init(struct view *v, enum view_form form, bool reveal, uint64_t limit);
void view_done(struct view *v);

/* Append what is to be printed for this copy. false: the limit is met, it was the last. */
bool view_show(struct view *v, const struct tap_seen *s, struct buf *out);

/* Leave this copy out: whoever reads what is printed is too slow. The next that is shown says so.
 */
void view_skip(struct view *v, const struct tap_seen *s);

/* The diagram, when that is the form; then, for stderr, one sentence. */
void view_end(struct view *v, uint64_t lasted_us, struct buf *out, struct buf *summary);
