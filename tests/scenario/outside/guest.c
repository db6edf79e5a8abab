/* guest — asks the greeter of another program as soon as it is there, tells all of the answer, and
 * uses a library whose names are also ours (jansson's json_object). */
#include "actors/program.h"
#include "proto/greet.h"
#include <jansson.h>

static enum err on_start(struct actor *self);

static enum err on_answer(struct actor *self, const struct msg *m)
{
	if (msg_err(m) == ERR_NO_ROUTE) { /* not there yet */
		actor_after(self, 20, on_start);
		return OK;
	}
	if (msg_err(m))
		return actor_fault(self, "refused err=%d", msg_err(m));
	const struct greet_greeted *g = greet_greeted_of(m);
	json_t *object = json_object();
	json_object_set_new(object, "text", json_stringn(g->text.at, g->text.len));
	char *json = json_dumps(object, JSON_COMPACT);
	actor_log(self, LOG_INFO, "heard json=%s", json);
	free(json);
	json_decref(object);
	return actor_publish(self, MSG(greet_greeted, .text = g->text, .times = g->times));
}

static enum err on_start(struct actor *self)
{
	enum err e = actor_ask(self, "greeter/guest", 5000, on_answer,
	                       MSG(greet_hello, .name = str_of("Guest")));
	if (e == ERR_NO_ROUTE)
		actor_after(self, 20, on_start);
	return e == ERR_NO_ROUTE ? OK : e;
}

static enum err on_greeted(struct actor *self, const struct msg *m)
{
	actor_log(self, LOG_INFO, "told text=\"%.*s\"", STR(greet_greeted_of(m)->text));
	return OK;
}

static const struct actor_on asks_takes[] = { { 0 } };
static const struct proto_desc *const asks_sends[] = { &greet_hello_desc, &greet_greeted_desc,
	                                               NULL };
static const struct actor_kind guest_actor = {
	.name = "guest",
	.doc = "asks the greeter once",
	.start = on_start,
	.takes = asks_takes,
	.sends = asks_sends,
	.at_start = true,
};

static const struct actor_on hears_takes[] = { { &greet_greeted_desc, on_greeted }, { 0 } };
static const struct proto_desc *const no_sends[] = { NULL };
static const struct proto_desc *const hears[] = { &greet_greeted_desc, NULL };
static const struct actor_kind listener_actor = {
	.name = "listener",
	.doc = "hears every greeting that is told to all",
	.takes = hears_takes,
	.sends = no_sends,
	.hears = hears,
	.at_start = true,
};

int main(int argc, char **argv)
{
	static const struct actor_kind *const kinds[] = { &guest_actor, &listener_actor, NULL };
	return program_main(argc, argv, kinds);
}
