/*
 * keys.h — who may speak on the bus: CURVE key pairs in files, and the folder of those allowed.
 *
 *     KEYS/hub.cert          public    0600   role hub
 *     KEYS/hub.cert_secret   secret    0600
 *     KEYS/allow/NAME.cert   public    0600   what the hub lets in; a file removed is a key revoked
 *     NAME.cert_secret                 0600   goes to the node's host; names the hub's key
 */
#pragma once
#include "bus/link.h"

struct key_pair {
	char open[LINK_KEY_BYTES + 1];   /* public, Z85 */
	char secret[LINK_KEY_BYTES + 1]; /* secret, Z85 */
};

MUST enum err key_pair_new(struct key_pair *ret);
