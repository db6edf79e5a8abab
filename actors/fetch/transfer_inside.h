/*
 * transfer_inside.h — what transfer.c (one request) and transfers.c (all of them, on the loop)
 * share. Nobody else includes it.
 */
#pragma once
#include "actors/fetch/transfer.h"
#include <curl/curl.h>

enum { TRANSFER_HEADS = 64 << 10 }; /* bytes of an answer's headers, all together */

struct transfers {
	struct transfers_config config;
	char *ca_file, *proxy, *pinned; /* what config points to */
	CURLM *multi;
	struct loop *loop;
	struct loop_timer *timer;
	bool timer_due;
	struct watched *watched, *ready; /* sockets */
	struct transfer *first;
	uint64_t held; /* bytes of bodies */
	void (*wake)(void *ctx);
	void *ctx;
};

/* The bytes of a body, and what becomes its blob. */
struct transfer_body {
	struct blob blob; /* first: the blob is it */
	char *at;
	size_t len, cap;
};

struct transfer {
	struct transfers *all;
	struct transfer *next, **link;
	CURL *easy;
	struct curl_slist *headers, *pinned;
	struct blob *sent;
	struct transfer_body *body;
	transfer_done_fn *done;
	transfer_may_fn *may;
	void *ctx;
	uint64_t begin_us;
	uint32_t most;
	bool once, moved; /* moved: it says where it is to be had now */
	bool reached, twice, large, full;
	const char *refused; /* by the guard */
	char error[CURL_ERROR_SIZE];
	char heads[TRANSFER_HEADS]; /* name NUL value NUL … of the answer */
	uint32_t heads_len, heads_total, n_headers;
	struct fetch_header headers_in[64];
};

/* It has come to its end: told, and gone. */
void transfer_finish(struct transfer *t, CURLcode code);
void transfer_free(struct transfer *t);

/* The library's callback for a socket that is to be closed: its watch goes first. */
int transfers_close(void *all, curl_socket_t fd);
