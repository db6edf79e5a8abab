/*
 * state.c — folders, locks and one small file.
 */
#include "tools/state.h"
#include "proto/digest.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A socket's name in run/ may be as long as a node's name and its epoch; sun_path holds 107. */
enum { RUN_MOST = 48 };

static enum err of_errno(int why)
{
	return why == ENOENT                    ? ERR_NOT_FOUND
	       : why == EACCES || why == EPERM  ? ERR_DENIED
	       : why == ENOSPC || why == EDQUOT ? ERR_NO_SPACE
	                                        : ERR_IO;
}

/* Ours, and closed to others. */
static enum err check_dir(const char *dir)
{
	struct stat st;
	if (stat(dir, &st))
		return of_errno(errno);
	if (!S_ISDIR(st.st_mode))
		return ERR_INVALID;
	return st.st_uid == geteuid() && !(st.st_mode & 0077) ? OK : ERR_DENIED;
}

static enum err make_dir(const char *dir)
{
	if (mkdir(dir, 0700) && errno != EEXIST)
		return of_errno(errno);
	return check_dir(dir);
}

/* The same folder has the same short one in /tmp, so that all who look for it find it. */
static enum err name_run(struct state *s)
{
	if (snprintf(s->run, sizeof s->run, "%s/run", s->dir) <= RUN_MOST)
		return OK;
	uint8_t sum[DIGEST_BYTES];
	enum err e = digest_sha256(str_of(s->dir), sum);
	if (e)
		return e;
	(void)snprintf(s->run, sizeof s->run, "/tmp/switchboard-%u-%02x%02x%02x%02x%02x%02x",
	               geteuid(), sum[0], sum[1], sum[2], sum[3], sum[4], sum[5]);
	return OK;
}

enum err state_open(const char *dir, struct state *ret)
{
	struct state s;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return of_errno(errno);
	if (!realpath(dir, s.dir))
		return of_errno(errno);
	enum err e = check_dir(s.dir);
	if (!e)
		e = name_run(&s);
	if (!e)
		e = make_dir(s.run);
	if (!e)
		*ret = s;
	return e;
}

enum err state_find(const char *dir, struct state *ret)
{
	struct state s;
	if (!realpath(dir, s.dir))
		return of_errno(errno);
	enum err e = name_run(&s);
	if (!e)
		e = check_dir(s.run);
	if (!e)
		*ret = s;
	return e;
}

/* Locks of open file descriptions: a child that inherits the descriptor holds it, too (fcntl(2)).
 */
static int open_lock(const struct state *s, const char *name, int flags)
{
	char path[STATE_ENDPOINT + 32];
	(void)snprintf(path, sizeof path, "%s/%s", s->run, name);
	return open(path, flags | O_RDWR | O_CLOEXEC, 0600);
}

static pid_t read_pid(int fd)
{
	char text[16] = "";
	return pread(fd, text, sizeof text - 1, 0) > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static bool write_pid(int fd)
{
	char text[16];
	int len = snprintf(text, sizeof text, "%d\n", getpid());
	return !ftruncate(fd, 0) && pwrite(fd, text, (size_t)len, 0) == len;
}

enum err state_lock(const struct state *s, const char *name, int *ret_fd, pid_t *ret_pid)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_lock(s, name, O_CREAT);
	if (fd < 0)
		return of_errno(errno);
	enum err e = OK;
	if (fcntl(fd, F_OFD_SETLK, &whole)) {
		*ret_pid = read_pid(fd);
		e = ERR_CONFLICT;
	} else if (!write_pid(fd)) {
		e = ERR_IO;
	}
	if (e)
		(void)close(fd);
	else
		*ret_fd = fd;
	return e;
}

pid_t state_holder(const struct state *s, const char *name)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_lock(s, name, 0);
	if (fd < 0)
		return 0;
	bool held = !fcntl(fd, F_OFD_GETLK, &whole) && whole.l_type != F_UNLCK;
	pid_t pid = held ? read_pid(fd) : 0;
	(void)close(fd);
	return pid;
}

enum err state_put_hubs(const struct state *s, const char *const *endpoints)
{
	char path[STATE_ENDPOINT + 32], part[STATE_ENDPOINT + 32];
	(void)snprintf(path, sizeof path, "%s/hubs", s->run);
	(void)snprintf(part, sizeof part, "%s/hubs.part", s->run);
	FILE *f = fopen(part, "we");
	if (!f)
		return of_errno(errno);
	bool good = true;
	for (; *endpoints; endpoints++)
		good &= fprintf(f, "%s\n", *endpoints) > 0;
	good &= fclose(f) == 0;
	return good && !rename(part, path) ? OK : ERR_IO;
}

enum err state_hubs(const struct state *s, char endpoints[STATE_HUBS][STATE_ENDPOINT],
                    const char *ret_list[STATE_HUBS + 1])
{
	char path[STATE_ENDPOINT + 32];
	(void)snprintf(path, sizeof path, "%s/hubs", s->run);
	FILE *f = fopen(path, "re");
	if (!f)
		return of_errno(errno);
	uint32_t n = 0;
	while (n < STATE_HUBS && fgets(endpoints[n], STATE_ENDPOINT, f)) {
		endpoints[n][strcspn(endpoints[n], "\n")] = '\0';
		ret_list[n] = endpoints[n];
		n++;
	}
	ret_list[n] = NULL;
	(void)fclose(f);
	return n ? OK : ERR_NOT_FOUND;
}

/* ---- the key of secrets at rest ----------------------------------------------------------------
 */

static enum err make_key(const char *path)
{
	uint8_t bytes[32];
	char hex[2 * sizeof bytes + 1];
	enum err e = digest_random(bytes, sizeof bytes);
	if (e)
		return e;
	digest_hex(bytes, sizeof bytes, hex);
	hex[sizeof hex - 1] = '\n';
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && write(fd, hex, sizeof hex) == (ssize_t)sizeof hex && !fsync(fd);
	e = ok ? OK : of_errno(errno);
	if (fd >= 0)
		(void)close(fd);
	if (fd >= 0 && !ok)
		(void)unlink(path); /* half a key would seal what nobody opens */
	digest_forget(hex, sizeof hex);
	digest_forget(bytes, sizeof bytes);
	return e;
}

enum err state_encryption_key(const struct state *s, bool make, char ret[STATE_KEY])
{
	char path[PATH_MAX + 16];
	struct stat st;
	(void)snprintf(path, sizeof path, "%s/encryption.key", s->dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && make) {
		enum err e = make_key(path);
		return e ? e : state_encryption_key(s, false, ret);
	}
	if (fd < 0)
		return of_errno(errno);
	ssize_t n = fstat(fd, &st) ? -1 : read(fd, ret, STATE_KEY - 1);
	(void)close(fd);
	if (n < 0)
		return ERR_IO;
	ret[n] = '\0';
	return st.st_uid == geteuid() && !(st.st_mode & 0077) ? OK : ERR_DENIED;
}
