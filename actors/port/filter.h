/*
 * filter.h — the system-call filter of a sandboxed child, as a ready BPF program. The one door to
 * libseccomp.
 */
#pragma once
#include "proto/err.h"
#include <linux/filter.h>

/* Built before the fork, since building allocates; filter_free() takes it down. */
MUST enum err filter_new(bool network, struct sock_fprog *ret);
void filter_free(struct sock_fprog *f);
