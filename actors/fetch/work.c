/*
 * work.c — see work.h.
 */
#include "actors/fetch/work.h"
#include <stdlib.h>
#include <strings.h>

static struct fetch *fetch_of(const struct work *w)
{
	return actor_state(w->self);
}

static const struct fetch_request *request_of(const struct work *w)
{
	return fetch_request_of(w->asked);
}

static void enter(struct work *w, enum work_state state)
{
	uint64_t now = actor_now_us(w->self);
	if (w->state != WORK_RUNS)
		w->waited_us += now - w->since_us;
	w->state = state;
	w->since_us = now;
}

/* ---- the end ------------------------------------------------------------------------------ */

void work_free(struct work *w)
{
	struct fetch *f = fetch_of(w);
	if (w->state == WORK_RUNS)
		f->running--;
	transfer_stop(&w->transfer);
	*w->link = w->next;
	*(w->next ? &w->next->link : &f->last) = w->link;
	f->n--;
	if (w->asker)
		asker_left(w->self, w->asker);
	free(w->text);
	free(w);
}

static uint32_t ms_since(const struct work *w)
{
	return (uint32_t)((actor_now_us(w->self) - w->begin_us) / 1000);
}

/* Never the whole address: what follows the host may be a secret. */
static void log_end(const struct work *w, const struct fetch_answer *a)
{
	bool guard = a->trouble == FETCH_TROUBLE_REFUSED || a->trouble == FETCH_TROUBLE_URL;
	actor_log(w->self,
	          guard        ? LOG_WARN
	          : a->trouble ? LOG_INFO
	                       : LOG_DEBUG,
	          "fetched method=%s host=%s trouble=%s status=%u tries=%u redirects=%u "
	          "ms=%u%s%.*s%s",
	          fetch_method_enum.values[w->method].name, *w->url.host ? w->url.host : "-",
	          fetch_trouble_enum.values[a->trouble].name, a->status, a->tries, a->redirects,
	          ms_since(w), a->why.len ? " why=\"" : "", STR(a->why), a->why.len ? "\"" : "");
}

static void answer(struct work *w, struct fetch_answer *a, struct blob *body)
{
	struct buf url;
	buf_init(&url, GUARD_URL_MAX + 256);
	if (w->hops && !a->trouble)
		guard_url_write(&url, &w->url);
	a->url = buf_err(&url) || url.len > GUARD_URL_MAX ? (struct str){ 0 } : buf_view(&url);
	a->tries = w->tries;
	a->redirects = w->hops;
	a->waited_us = w->waited_us;
	a->reached = w->reached;
	log_end(w, a);
	(void)!actor_reply_move(w->self, msg_take(&w->asked), &body, &fetch_answer_desc, a);
	buf_done(&url);
	work_free(w);
}

static void fail(struct work *w, enum fetch_trouble trouble, const char *why)
{
	answer(w, &(struct fetch_answer){ .trouble = trouble, .why = str_of(why) }, NULL);
}

static void tell(struct work *w, struct transfer_result *r)
{
	struct fetch_answer a = { .trouble = r->trouble,
		                  .status = r->status <= 999 ? r->status : 0,
		                  .why = str_of(r->why),
		                  .headers = { r->headers, r->n_headers },
		                  .retry_after_s = r->retry_after_s,
		                  .version = r->version,
		                  .reused = r->reused,
		                  .name_us = r->name_us,
		                  .connect_us = r->connect_us,
		                  .tls_us = r->tls_us,
		                  .first_us = r->first_us,
		                  .total_us = r->total_us };
	struct blob *body = r->body;
	r->body = NULL;
	answer(w, &a, body);
}

/* ---- where it goes ------------------------------------------------------------------------ */

static uint64_t hash_of(const struct guard_url *u)
{
	uint64_t hash = 14695981039346656037u ^ u->port; /* FNV-1a */
	for (const char *p = u->host; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	return hash;
}

static bool is_exempt(const struct work *w)
{
	return w->based && guard_same_origin(&w->base, &w->url);
}

/* The text is the work's from here on; false when it may not go there: *ret_why. */
static bool aim(struct work *w, char *text, enum fetch_trouble *ret, const char **ret_why)
{
	struct fetch *f = fetch_of(w);
	free(w->text);
	w->text = text;
	*ret = FETCH_TROUBLE_URL;
	if (guard_url(str_of(text), &w->url, ret_why))
		return false;
	w->host = hash_of(&w->url);
	*ret = FETCH_TROUBLE_REFUSED;
	/* of a name an allowed address may come of it: each address is judged when it is known */
	bool later = !f->proxied && !w->url.literal && f->guard.n_allowed;
	*ret_why = is_exempt(w) || later ? NULL : guard_name_why(&f->guard, &w->url);
	return !*ret_why;
}

static const char *may(void *ctx, const struct guard_addr *a, uint16_t port)
{
	const struct work *w = ctx;
	return is_exempt(w) ? NULL : guard_why(&fetch_of(w)->guard, w->url.secure, a, port);
}

/* To another origin goes what says nothing of the asker. */
static bool is_plain(struct str name)
{
	static const char *const plain[] = { "accept", "accept-language", "content-type" };
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (name.len == strlen(plain[i]) && !strncasecmp(name.at, plain[i], name.len))
			return true;
	return false;
}

static void redirect(struct work *w, struct transfer_result *r, enum fetch_method method)
{
	struct guard_url from = w->url;
	enum fetch_trouble trouble;
	const char *why;
	char *text = strdup(r->redirect);
	bool has_body = w->asked->blob && !w->bodiless;
	if (!text) {
		fail(w, FETCH_TROUBLE_REDIRECTS, "out of memory");
		return;
	}
	w->hops++;
	w->bodiless = w->bodiless || method != w->method;
	w->method = method;
	from.target = (struct str){ 0 };
	if (!aim(w, text, &trouble, &why)) {
		fail(w, trouble == FETCH_TROUBLE_URL ? FETCH_TROUBLE_REDIRECTS : trouble, why);
		return;
	}
	if (!guard_may_follow(&from, &w->url)) {
		w->stripped = true;
		if (has_body && !w->bodiless) {
			fail(w, FETCH_TROUBLE_REDIRECTS, "the body would go to another origin");
			return;
		}
	}
	enter(w, WORK_WAITS);
}

/* ---- running ------------------------------------------------------------------------------ */

static void pause_for(struct work *w, uint32_t ms)
{
	enter(w, WORK_PAUSED);
	w->next_us = w->since_us + ms * UINT64_C(1000);
}

static bool again(struct work *w, const struct transfer_result *r, uint32_t *ret_ms)
{
	struct fetch *f = fetch_of(w);
	uint64_t now = actor_now_us(w->self);
	struct plan_try t = { .method = w->method,
		              .repeatable = request_of(w)->repeatable,
		              .trouble = r->trouble,
		              .status = r->status,
		              .reached = r->reached,
		              .retry_after = r->retry_after,
		              .retry_after_s = r->retry_after_s,
		              .tries = w->tries,
		              .tries_most =
		                      request_of(w)->tries ? request_of(w)->tries : PLAN_TRIES,
		              .left_us = w->due_us > now ? w->due_us - now : 0 };
	return plan_again(&t, actor_random(w->self), ret_ms) &&
	       plan_spend(&f->budgets[w->host % FETCH_BUDGETS], w->host);
}

static void on_done(void *ctx, struct transfer_result *r)
{
	struct work *w = ctx;
	enum fetch_method method;
	uint32_t ms;
	w->transfer = NULL; /* frees itself */
	fetch_of(w)->running--;
	enter(w, WORK_WAITS);
	w->reached = w->reached || r->reached;
	if (again(w, r, &ms)) {
		blob_unref(r->body);
		r->body = NULL;
		pause_for(w, ms);
	} else if (!r->trouble && r->redirect && request_of(w)->redirects &&
	           plan_redirect(r->status, w->method, &method)) {
		blob_unref(r->body);
		r->body = NULL;
		if (w->hops < request_of(w)->redirects)
			redirect(w, r, method);
		else
			fail(w, FETCH_TROUBLE_REDIRECTS, "more redirects than allowed");
	} else {
		tell(w, r);
	}
}

static void begin(struct work *w)
{
	struct fetch *f = fetch_of(w);
	const struct fetch_request *q = request_of(w);
	struct fetch_header headers[32];
	uint32_t n = 0;
	for (uint32_t i = 0; i < q->headers.n && i < 32; i++)
		if (!w->stripped || is_plain(q->headers.at[i].name))
			headers[n++] = q->headers.at[i];
	struct transfer_order o = {
		.url = &w->url,
		.method = w->method,
		.headers = headers,
		.n_headers = n,
		.body = w->bodiless ? NULL : w->asked->blob,
		.once = !plan_is_repeatable(w->method, q->repeatable),
		.most = q->most,
		.within_us = w->due_us - actor_now_us(w->self),
		.may = may,
		.ctx = w,
	};
	if (!w->tries) /* a repeat buys none */
		plan_earn(&f->budgets[w->host % FETCH_BUDGETS], w->host);
	enter(w, WORK_RUNS);
	f->running++;
	w->tries++;
	if (transfer_begin(f->transfers, &o, on_done, &w->transfer))
		fail(w, FETCH_TROUBLE_FULL, "out of memory");
}

/* As many of one host and of one business as may, of all that run. */
static bool has_room(const struct work *w)
{
	const struct fetch *f = fetch_of(w);
	uint32_t host = 0, business = 0;
	if (f->running >= f->running_most)
		return false;
	for (const struct work *o = f->first; o; o = o->next) {
		host += o->state == WORK_RUNS && o->host == w->host;
		business += o->state == WORK_RUNS && o->asked->business == w->asked->business;
	}
	return host < f->host_most && (!w->asked->business || business < f->business_most);
}

static enum err on_time(struct actor *self)
{
	works_turn(self);
	return OK;
}

void works_turn(struct actor *self)
{
	struct fetch *f = actor_state(self);
	uint64_t now = actor_now_us(self), soonest = UINT64_MAX;
	for (struct work *w = f->first, *next; w; w = next) {
		next = w->next;
		if (w->state == WORK_RUNS) /* the library knows its deadline */
			continue;
		if (w->due_us <= now) {
			fail(w, FETCH_TROUBLE_TIMEOUT,
			     "no answer in time: it had to wait too long");
			continue;
		}
		if (w->state == WORK_PAUSED && w->next_us <= now)
			enter(w, WORK_WAITS);
		if (w->state == WORK_WAITS && has_room(w)) {
			begin(w);
			continue;
		}
		uint64_t at =
			w->state == WORK_PAUSED && w->next_us < w->due_us ? w->next_us : w->due_us;
		soonest = at < soonest ? at : soonest;
	}
	actor_after(self, soonest == UINT64_MAX ? 0 : (uint32_t)((soonest - now) / 1000 + 1),
	            on_time);
}

/* ---- the ask ------------------------------------------------------------------------------ */

/* Names of the connection itself, or of what the library writes. */
static bool is_taken(struct str name)
{
	static const char *const ours[] = { "host",
		                            "connection",
		                            "content-length",
		                            "te",
		                            "upgrade",
		                            "transfer-encoding",
		                            "expect",
		                            "keep-alive",
		                            "proxy-authorization",
		                            "proxy-connection",
		                            "accept-encoding" };
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (name.len == strlen(ours[i]) && !strncasecmp(name.at, ours[i], name.len))
			return true;
	return false;
}

static bool is_header(const struct fetch_header *h)
{
	static const char other[] = "!#$%&'*+-.^_`|~"; /* tchar, RFC 9110 5.6.2 */
	for (uint32_t i = 0; i < h->name.len; i++) {
		char c = h->name.at[i], low = (char)(c | 32);
		if (!c ||
		    (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && !strchr(other, c)))
			return false;
	}
	for (uint32_t i = 0; i < h->value.len; i++) {
		unsigned char c = (unsigned char)h->value.at[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return h->name.len && !is_taken(h->name);
}

static enum err check(const struct msg *m)
{
	const struct fetch_request *q = fetch_request_of(m);
	bool reads = q->method == FETCH_METHOD_GET || q->method == FETCH_METHOD_HEAD;
	if (reads && m->blob && m->blob->len)
		return ERR_INVALID;
	for (uint32_t i = 0; i < q->headers.n; i++)
		if (!is_header(&q->headers.at[i]))
			return ERR_INVALID;
	return OK;
}

static bool queue_has_room(const struct fetch *f, uint64_t business)
{
	uint32_t own = 0;
	if (f->n >= f->waiting_most + f->running_most)
		return false;
	for (const struct work *w = f->first; w; w = w->next)
		own += w->asked->business == business;
	return !business || own < f->waiting_most / 4 + f->business_most;
}

static uint64_t due_of(struct actor *self, const struct msg *m)
{
	uint64_t now = actor_now_us(self);
	uint64_t due = now + fetch_request_of(m)->within_ms * UINT64_C(1000);
	/* so that the asker hears of it before its own patience ends */
	uint64_t last = m->deadline_us > now + FETCH_MARGIN_US ? m->deadline_us - FETCH_MARGIN_US
	                                                       : m->deadline_us;
	return last && last < due ? last : due;
}

static enum err make(struct actor *self, const struct msg *m, struct work **ret)
{
	struct fetch *f = actor_state(self);
	struct work *w = calloc(1, sizeof *w);
	enum err e = w ? asker_of(self, m, &w->asker) : ERR_MEMORY;
	if (!e && !(w->asked = msg_hold(self, m))) {
		if (w->asker)
			asker_left(self, w->asker);
		e = ERR_MEMORY;
	}
	if (e) {
		free(w);
		return e;
	}
	w->self = self;
	w->method = fetch_request_of(m)->method;
	w->begin_us = w->since_us = actor_now_us(self);
	w->due_us = due_of(self, m);
	w->link = f->last;
	*f->last = w;
	f->last = &w->next;
	f->n++;
	*ret = w;
	return OK;
}

enum err work_new(struct actor *self, const struct msg *m)
{
	const struct fetch_request *q = fetch_request_of(m);
	struct guard_url base = { 0 };
	enum fetch_trouble trouble;
	const char *why;
	struct work *w;
	enum err e = check(m);
	if (!e && !queue_has_room(actor_state(self), m->business))
		e = ERR_BUSY;
	if (!e && q->base.len)
		e = guard_url(q->base, &base, &why);
	char *text = e ? NULL : str_dup(q->url);
	if (!e)
		e = text ? make(self, m, &w) : ERR_MEMORY;
	if (e) {
		free(text);
		return e;
	}
	w->based = q->base.len > 0;
	w->base = base;
	w->base.target = (struct str){ 0 };
	if (!aim(w, text, &trouble, &why))
		fail(w, trouble, why);
	return OK;
}
