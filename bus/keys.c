/*
 * keys.c — key files, by czmq's zconfig.
 */
#include "bus/keys.h"
#include "bus/row.h"
#include <czmq.h>

enum { FILE_BYTES_MOST = 16 << 10, KEYS_MOST = 1024, PATH_BYTES = 512 };

struct keys {
	char folder[PATH_BYTES];
	struct key_card *cards;
	uint32_t n;
};

enum err key_pair_new(struct key_pair *ret)
{
	struct key_pair pair;
	if (zmq_curve_keypair(pair.open, pair.secret))
		return ERR_UNSUPPORTED;
	*ret = pair;
	return OK;
}

/* ---- files ---------------------------------------------------------------------------------- */

static bool key_ok(const char *z85)
{
	uint8_t bytes[32];
	return strlen(z85) == LINK_KEY_BYTES && zmq_z85_decode(bytes, z85);
}

/* Regular, ours, closed to others. */
static enum err private_ok(int fd)
{
	struct stat st;
	if (fstat(fd, &st))
		return ERR_IO;
	return S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077) ? OK
	                                                                            : ERR_DENIED;
}

static enum err file_read(const char *path, zconfig_t **ret)
{
	char text[FILE_BYTES_MOST + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_DENIED;
	enum err e = private_ok(fd);
	ssize_t n = e ? 0 : read(fd, text, FILE_BYTES_MOST);
	close(fd);
	if (e)
		return e;
	text[n > 0 ? n : 0] = '\0';
	zconfig_t *root = n > 0 ? zconfig_str_load(text) : NULL;
	explicit_bzero(text, sizeof text);
	if (!root)
		return ERR_MALFORMED;
	if (!key_ok(zconfig_get(root, "/curve/public-key", ""))) {
		zconfig_destroy(&root);
		return ERR_MALFORMED;
	}
	*ret = root;
	return OK;
}

/* Never over another file: a key once given away is not replaced in silence. */
static enum err file_write(const char *path, zconfig_t *root)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno == EEXIST ? ERR_CONFLICT : ERR_IO;
	char *text = zconfig_str_save(root);
	size_t n = text ? strlen(text) : 0;
	bool ok = text && write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
	if (text)
		explicit_bzero(text, n);
	zstr_free(&text);
	ok = close(fd) == 0 && ok;
	if (!ok)
		unlink(path);
	return ok ? OK : ERR_IO;
}

static enum err folder_ok(const char *dir)
{
	struct stat st;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return ERR_NOT_FOUND;
	if (lstat(dir, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
		return ERR_DENIED;
	return OK;
}

static enum err path_of(char path[PATH_BYTES], const char *dir, const char *name, const char *end)
{
	int n = snprintf(path, PATH_BYTES, "%s/%s%s", dir, name, end);
	return n > 0 && n < PATH_BYTES ? OK : ERR_RANGE;
}

static void pair_of(zconfig_t *root, struct key_pair *ret)
{
	str_keep(ret->open, sizeof ret->open, str_of(zconfig_get(root, "/curve/public-key", "")));
	str_keep(ret->secret, sizeof ret->secret,
	         str_of(zconfig_get(root, "/curve/secret-key", "")));
}

/* ---- the hubs' ------------------------------------------------------------------------------ */

static enum err hub_make(const char *path, struct key_pair *ret)
{
	struct key_pair pair;
	enum err e = key_pair_new(&pair);
	if (e)
		return e;
	zconfig_t *root = zconfig_new("root", NULL);
	zconfig_put(root, "/metadata/name", "hub");
	zconfig_put(root, "/curve/public-key", pair.open);
	zconfig_put(root, "/curve/secret-key", pair.secret);
	e = file_write(path, root);
	zconfig_destroy(&root);
	if (!e)
		*ret = pair;
	return e;
}

enum err keys_hub(const char *dir, struct key_pair *ret)
{
	char path[PATH_BYTES], allow[PATH_BYTES];
	zconfig_t *root = NULL;
	enum err e = folder_ok(dir);
	if (!e)
		e = path_of(path, dir, "hub", ".cert_secret");
	if (!e)
		e = path_of(allow, dir, "allow", "");
	if (!e)
		e = folder_ok(allow);
	if (!e)
		e = file_read(path, &root);
	if (e == ERR_NOT_FOUND)
		e = hub_make(path, ret);
	if (e == ERR_CONFLICT) /* another process was quicker */
		e = file_read(path, &root);
	if (root) {
		pair_of(root, ret);
		zconfig_destroy(&root);
		return key_ok(ret->secret) ? OK : ERR_MALFORMED;
	}
	return e;
}

/* ---- the nodes' ----------------------------------------------------------------------------- */

static zconfig_t *card_config(const struct key_card *c)
{
	zconfig_t *root = zconfig_new("root", NULL);
	zconfig_put(root, "/metadata/name", c->name);
	zconfig_put(root, "/metadata/host", c->host);
	zconfig_put(root, "/metadata/send", c->send);
	zconfig_put(root, "/curve/public-key", c->open);
	return root;
}

enum err keys_new(const char *dir, struct key_card *card)
{
	char allowed[PATH_BYTES], secret[PATH_BYTES];
	struct key_pair hub, pair;
	if (!row_name_ok(str_of(card->name)) || strlen(card->name) > KEY_NAME_BYTES ||
	    strchr(card->name, '#') || card->name[0] == '.' || !strcmp(card->name, "hub"))
		return ERR_RANGE;
	enum err e = keys_hub(dir, &hub);
	if (!e)
		e = path_of(allowed, dir, "allow/", card->name);
	if (!e && strlen(allowed) + sizeof ".cert" > sizeof allowed)
		e = ERR_RANGE;
	if (!e)
		strcat(allowed, ".cert");
	if (!e)
		e = path_of(secret, dir, card->name, ".cert_secret");
	if (!e)
		e = key_pair_new(&pair);
	if (e)
		return e;
	memcpy(card->open, pair.open, sizeof card->open);
	zconfig_t *root = card_config(card);
	e = file_write(allowed, root);
	if (!e) {
		zconfig_put(root, "/metadata/hub", hub.open);
		zconfig_put(root, "/curve/secret-key", pair.secret);
		e = file_write(secret, root);
		if (e)
			unlink(allowed);
	}
	zconfig_destroy(&root);
	explicit_bzero(&pair, sizeof pair);
	explicit_bzero(&hub, sizeof hub);
	return e;
}

enum err keys_revoke(const char *dir, const char *name)
{
	char path[PATH_BYTES];
	if (!row_name_ok(str_of(name)))
		return ERR_RANGE;
	int n = snprintf(path, sizeof path, "%s/allow/%s.cert", dir, name);
	if (n < 0 || n >= (int)sizeof path)
		return ERR_RANGE;
	if (unlink(path))
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	return OK;
}

enum err keys_load(const char *file, struct key_pair *ret, char ret_hub[LINK_KEY_BYTES + 1])
{
	zconfig_t *root;
	enum err e = file_read(file, &root);
	if (e)
		return e;
	const char *hub = zconfig_get(root, "/metadata/hub", "");
	if (key_ok(zconfig_get(root, "/curve/secret-key", "")) && key_ok(hub)) {
		pair_of(root, ret);
		str_keep(ret_hub, LINK_KEY_BYTES + 1, str_of(hub));
	} else {
		e = ERR_MALFORMED;
	}
	zconfig_destroy(&root);
	return e;
}

/* ---- the allowed ---------------------------------------------------------------------------- */

static bool card_read(const char *path, struct key_card *ret)
{
	zconfig_t *root;
	if (file_read(path, &root))
		return false;
	*ret = (struct key_card){ 0 };
	bool ok = str_keep(ret->name, sizeof ret->name,
	                   str_of(zconfig_get(root, "/metadata/name", ""))) &&
	          str_keep(ret->host, sizeof ret->host,
	                   str_of(zconfig_get(root, "/metadata/host", ""))) &&
	          str_keep(ret->send, sizeof ret->send,
	                   str_of(zconfig_get(root, "/metadata/send", ""))) &&
	          str_keep(ret->open, sizeof ret->open,
	                   str_of(zconfig_get(root, "/curve/public-key", "")));
	zconfig_destroy(&root);
	return ok && ret->name[0];
}

static enum err folder_read(const char *folder, struct key_card **ret, uint32_t *ret_n)
{
	DIR *d = opendir(folder);
	if (!d)
		return ERR_NOT_FOUND;
	struct key_card *cards = calloc(KEYS_MOST, sizeof *cards);
	uint32_t n = 0;
	struct dirent *entry;
	while (cards && n < KEYS_MOST && (entry = readdir(d)) != NULL) {
		char path[PATH_BYTES];
		const char *end = strrchr(entry->d_name, '.');
		if (end && !strcmp(end, ".cert") && !path_of(path, folder, entry->d_name, ""))
			n += card_read(path, &cards[n]);
	}
	closedir(d);
	if (!cards)
		return ERR_MEMORY;
	*ret = cards;
	*ret_n = n;
	return OK;
}

enum err keys_open(const char *dir, struct keys **ret)
{
	struct keys *k = calloc(1, sizeof *k);
	if (!k)
		return ERR_MEMORY;
	enum err e = path_of(k->folder, dir, "allow", "");
	if (!e)
		e = folder_ok(k->folder);
	if (!e)
		e = folder_read(k->folder, &k->cards, &k->n);
	if (e) {
		free(k);
		return e;
	}
	*ret = k;
	return OK;
}

void keys_close(struct keys **k)
{
	if (*k)
		free((*k)->cards);
	free(*k);
	*k = NULL;
}

const struct key_card *keys_at(const struct keys *k, uint32_t i)
{
	return i < k->n ? &k->cards[i] : NULL;
}

const struct key_card *keys_find(const struct keys *k, const char *open)
{
	for (uint32_t i = 0; *open && i < k->n; i++)
		if (!strcmp(k->cards[i].open, open))
			return &k->cards[i];
	return NULL;
}

enum err keys_again(struct keys *k, void (*revoked)(void *ctx, const char *open), void *ctx)
{
	struct keys old = *k;
	enum err e = folder_read(k->folder, &k->cards, &k->n);
	if (e)
		return e;
	for (uint32_t i = 0; i < old.n; i++)
		if (!keys_find(k, old.cards[i].open))
			revoked(ctx, old.cards[i].open);
	free(old.cards);
	return OK;
}
