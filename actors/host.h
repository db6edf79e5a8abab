/*
 * host.h — binds a node to a process: its loop's turns, and its bus.
 *
 *     loop turn:  DRAIN ─ bus_drain ─▶ RUN ─ node_turn … ─▶ FLUSH ─ bus_flush, set the timer
 */
#pragma once
#include "actors/node.h"
#include "bus/bus.h"
#include "bus/loop.h"

struct host;

/* Nothing becomes the host's: free the host, then the node (it may still speak), then bus and loop.
 * bus: NULL for a node alone, else made with node_bus_calls and this node. */
MUST enum err host_new(struct loop *loop, struct node *node, struct bus *bus, struct host **ret);
void host_free(struct host **h);
