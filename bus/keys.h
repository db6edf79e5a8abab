/*
 * keys.h — who may speak on the bus: CURVE key pairs in files, and the folder of those allowed.
 *
 *     KEYS/hub.cert_secret         0600   the hubs' own pair
 *     KEYS/allow/NAME.cert         0600   public; what the hubs let in: a file removed is a key
 * revoked KEYS/NAME.cert_secret        0600   goes to the node's host, and there only; knows the
 * hubs' key
 *
 * The files are czmq's zcert format (ZPL). What a key may do stands in its metadata, in the hub's
 * folder: the node's own copy of that counts for nothing.
 */
#pragma once
#include "bus/link.h"

enum { KEY_NAME_BYTES = 48, KEY_LIST_BYTES = 512 };

struct key_pair {
	char open[LINK_KEY_BYTES + 1];   /* public, Z85 */
	char secret[LINK_KEY_BYTES + 1]; /* secret, Z85 */
};

/* What a key is for. Lists are words with spaces between; "*" is everything. */
struct key_card {
	char name[KEY_NAME_BYTES + 1]; /* nodes called so, or NAME#1, NAME.a */
	char open[LINK_KEY_BYTES + 1];
	char host[KEY_LIST_BYTES + 1]; /* kinds it may host */
	char send[KEY_LIST_BYTES + 1]; /* message groups it may send */
};

MUST enum err key_pair_new(struct key_pair *ret);

/* The hubs' pair of this folder; made, with the folder, when there is none yet. ERR_DENIED: the
 * folder or the file is open to others. */
MUST enum err keys_hub(const char *dir, struct key_pair *ret);

/* A new key: its secret in DIR/NAME.cert_secret, its card among the allowed. card->open is filled
 * in. ERR_CONFLICT: the name is taken; ERR_RANGE: no such name. */
MUST enum err keys_new(const char *dir, struct key_card *card);
/* Not allowed any more; hubs notice within a second. ERR_NOT_FOUND. */
MUST enum err keys_revoke(const char *dir, const char *name);

/* What a node starts with: its pair, and the hubs' public key. */
MUST enum err keys_load(const char *file, struct key_pair *ret, char ret_hub[LINK_KEY_BYTES + 1]);

/* The allowed, read from DIR/allow. */
struct keys;
MUST enum err keys_open(const char *dir, struct keys **ret);
void keys_close(struct keys **k);
const struct key_card *keys_at(const struct keys *k, uint32_t i); /* NULL past the last */
const struct key_card *keys_find(const struct keys *k, const char *open);
/* Read the folder again; tells each key that is not there any more. */
MUST enum err keys_again(struct keys *k, void (*revoked)(void *ctx, const char *open), void *ctx);
