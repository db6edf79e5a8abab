/*
 * deeds.c — deeds.h. A file has three lines: action, subject, detail.
 */
#include "tools/audit/deeds.h"
#include "proto/buf.h"
#include "proto/digest.h"
#include "proto/json.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_LEN = 20 + 1 + 2 * DEED_ONCE };

static enum err of_errno(int why)
{
	return why == ENOSPC || why == EDQUOT ? ERR_NO_SPACE : ERR_IO;
}

/* Whole or not at all: a name with a dot in front is none of deeds_next(). */
static enum err write_whole(int dir, const char *name, struct str text)
{
	char hidden[NAME_LEN + 2];
	(void)snprintf(hidden, sizeof hidden, ".%s", name);
	int fd = openat(dir, hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return of_errno(errno);
	bool good = write(fd, text.at, text.len) == (ssize_t)text.len && !fsync(fd);
	enum err e = good ? OK : of_errno(errno);
	(void)close(fd);
	if (!e && (renameat(dir, hidden, dir, name) || fsync(dir)))
		e = of_errno(errno);
	if (e)
		(void)unlinkat(dir, hidden, 0);
	return e;
}

/* A line holds no end of line: of a subject that came over the bus nothing is believed. */
static void put_line(struct buf *b, struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		buf_char(b, s.at[i] < ' ' ? '?' : s.at[i]);
	buf_char(b, '\n');
}

enum err deeds_put(const char *state, const char *action, struct str subject, const char *by,
                   const char *more)
{
	char room[DEED_ACTION + DEED_SUBJECT + DEED_DETAIL + 3], path[PATH_MAX + 8];
	char name[NAME_LEN + 1], once[2 * DEED_ONCE + 1];
	uint8_t bytes[DEED_ONCE];
	struct timespec now;
	struct buf b;
	clock_gettime(CLOCK_REALTIME, &now);
	if (digest_random(bytes, sizeof bytes))
		return ERR_IO;
	digest_hex(bytes, sizeof bytes, once);
	unsigned long long us =
		(unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000;
	(void)snprintf(name, sizeof name, "%020llu-%s", us, once);
	buf_over(&b, room, sizeof room);
	put_line(&b, str_of(action));
	put_line(&b, subject);
	buf_text(&b, "{\"by\":");
	json_put_text(&b, by);
	buf_printf(&b, ",\"at_us\":%llu%s}\n", us, more);
	if (buf_err(&b))
		return ERR_TOO_LARGE;
	(void)snprintf(path, sizeof path, "%s/audit", state);
	(void)mkdir(path, 0700);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return of_errno(errno);
	enum err e = write_whole(dir, name, buf_view(&b));
	(void)close(dir);
	return e;
}

static bool line_of(struct str *text, char *ret, size_t cap)
{
	const char *end = memchr(text->at, '\n', text->len);
	size_t len = end ? (size_t)(end - text->at) : 0;
	if (!end || len >= cap)
		return false;
	memcpy(ret, text->at, len);
	ret[len] = '\0';
	*text = str_n(end + 1, text->len - (uint32_t)len - 1);
	return true;
}

static bool read_deed(struct deed *d, const char *name)
{
	char room[DEED_ACTION + DEED_SUBJECT + DEED_DETAIL + 8];
	int fd = open(d->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, room, sizeof room);
	if (fd >= 0)
		(void)close(fd);
	struct str text = str_n(room, n > 0 ? (uint32_t)n : 0);
	return line_of(&text, d->action, sizeof d->action) &&
	       line_of(&text, d->subject, sizeof d->subject) &&
	       line_of(&text, d->detail, sizeof d->detail) && !text.len &&
	       !digest_unhex(str_of(name + 21), d->once, sizeof d->once);
}

bool deeds_next(const char *state, struct deed *ret)
{
	char path[PATH_MAX + 8], first[NAME_LEN + 1] = "";
	(void)snprintf(path, sizeof path, "%s/audit", state);
	DIR *dir = opendir(path);
	if (!dir)
		return false;
	for (const struct dirent *e; (e = readdir(dir));)
		if (*e->d_name != '.' && strlen(e->d_name) == NAME_LEN &&
		    (!*first || strcmp(e->d_name, first) < 0))
			memcpy(first, e->d_name, sizeof first);
	(void)closedir(dir);
	if (!*first ||
	    snprintf(ret->file, sizeof ret->file, "%s/%s", path, first) >= (int)sizeof ret->file)
		return false;
	if (read_deed(ret, first))
		return true;
	deeds_refuse(ret); /* not one of ours */
	return false;
}

void deeds_drop(const struct deed *d)
{
	(void)unlink(d->file);
}

void deeds_refuse(const struct deed *d)
{
	char bad[PATH_MAX + 8];
	(void)snprintf(bad, sizeof bad, "%s.bad", d->file);
	(void)rename(d->file, bad);
}
