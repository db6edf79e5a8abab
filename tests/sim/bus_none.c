/*
 * bus_none.c — a bus that is never there, for programs with a node alone, until bus/ has its own.
 */
#include "bus/bus.h"

enum err bus_send(struct bus *b, uint32_t peer, const struct msg *m)
{
	(void)b, (void)peer, (void)m;
	return ERR_NO_ROUTE;
}
enum err bus_publish(struct bus *b, const struct msg *m)
{
	(void)b, (void)m;
	return OK;
}
void bus_subscribe(struct bus *b, const struct proto_desc *type)
{
	(void)b, (void)type;
}
void bus_unsubscribe(struct bus *b, const struct proto_desc *type)
{
	(void)b, (void)type;
}
enum err bus_place(const struct bus *b, struct str kind, struct str key, enum bus_place how,
                   uint32_t *ret_peer)
{
	(void)b, (void)kind, (void)key, (void)how, (void)ret_peer;
	return ERR_NO_ROUTE;
}
bool bus_peer_at(const struct bus *b, uint32_t i, struct bus_peer *ret)
{
	(void)b, (void)i, (void)ret;
	return false;
}
bool bus_drain(struct bus *b, uint64_t now_us)
{
	(void)b, (void)now_us;
	return false;
}
bool bus_flush(struct bus *b, uint64_t now_us, bool actors_idle)
{
	(void)b, (void)now_us, (void)actors_idle;
	return false;
}
uint64_t bus_next_us(const struct bus *b)
{
	(void)b;
	return UINT64_MAX;
}
