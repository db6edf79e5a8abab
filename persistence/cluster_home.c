/*
 * cluster_home.c — the private cluster's folders and files.
 */
#include "persistence/cluster_home.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <unistd.h>

#define ELSEWHERE "/var/lib/switchboard"

/* What libpq and the server append to the socket's folder. */
#define SOCKET_NAME "/.s.PGSQL.5432"

const char *cluster_home_path(const struct cluster_home *h, const char *below)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];
	return snprintf(path, PATH_MAX, "%s/%s", h->at, below) < PATH_MAX ? path : "";
}

/* ---- finding and making -----------------------------------------------------------------------
 */

/* Debian keeps each major version in its own folder; the newest wins. */
static enum err find_bin(struct cluster_home *h, const char *bin)
{
	if (bin) {
		if (snprintf(h->bin, sizeof h->bin, "%s", bin) >= (int)sizeof h->bin)
			return ERR_TOO_LARGE;
	} else {
		glob_t found;
		long newest = 0;
		if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found))
			return ERR_NOT_FOUND;
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *version = found.gl_pathv[i] + strlen("/usr/lib/postgresql/");
			long n = strtol(version, NULL, 10);
			if (n > newest)
				snprintf(h->bin, sizeof h->bin, "/usr/lib/postgresql/%ld/bin",
				         newest = n);
		}
		globfree(&found);
	}
	char probe[PATH_MAX + 16];
	snprintf(probe, sizeof probe, "%s/postgres", h->bin);
	return access(probe, X_OK) ? ERR_NOT_FOUND : OK;
}

static enum err find_user(struct cluster_home *h, const char *user)
{
	struct passwd *pw = geteuid() ? getpwuid(geteuid()) : getpwnam(user ? user : "postgres");
	if (!pw || !pw->pw_uid)
		return ERR_NOT_FOUND;
	h->uid = pw->pw_uid;
	h->gid = pw->pw_gid;
	return snprintf(h->user, sizeof h->user, "%s", pw->pw_name) < (int)sizeof h->user
	               ? OK
	               : ERR_TOO_LARGE;
}

/* May the server's user pass through every folder down to path? By mode bits: close enough to
 * choose a place; initdb has the last word. */
static bool reachable(const struct cluster_home *h, const char *path)
{
	char at[PATH_MAX];
	snprintf(at, sizeof at, "%s", path);
	for (char *end = at; *end; *end = '/') {
		end = end + 1 + strcspn(end + 1, "/");
		char was = *end;
		*end = '\0';
		struct stat st;
		if (stat(at, &st))
			return false;
		mode_t need = st.st_uid == h->uid   ? S_IXUSR
		              : st.st_gid == h->gid ? S_IXGRP
		                                    : S_IXOTH;
		if (!(st.st_mode & need))
			return false;
		if (!was)
			return true;
	}
	return true;
}

/* A fresh folder `made` (a mkdtemp template), and a link to it at `link`, both kept for next time.
 */
static enum err link_elsewhere(const struct cluster_home *h, const char *link, char *made)
{
	if (!mkdtemp(made))
		return ERR_IO;
	if (chown(made, h->uid, h->gid) || chmod(made, 0755))
		return ERR_IO;
	unlink(link); /* one that points to nothing any more */
	return symlink(made, link) ? ERR_IO : OK;
}

static enum err make_folder(const struct cluster_home *h, const char *path, mode_t mode)
{
	if (mkdir(path, mode) && errno != EEXIST)
		return ERR_IO;
	if (geteuid() == 0 && lchown(path, h->uid, h->gid))
		return ERR_IO;
	return chmod(path, mode) ? ERR_IO : OK;
}

static enum err find_home(struct cluster_home *h, const char *folder)
{
	char given[PATH_MAX], link[PATH_MAX + 16], made[] = ELSEWHERE "/db-XXXXXX";
	if (mkdir(folder, 0755) && errno != EEXIST)
		return ERR_IO;
	if (!realpath(folder, given))
		return ERR_IO;
	snprintf(link, sizeof link, "%s/elsewhere", given);
	if (realpath(link, h->at))
		return OK;
	if (reachable(h, given)) {
		memcpy(h->at, given, sizeof given);
		return OK;
	}
	if (geteuid() != 0)
		return ERR_IO;
	if (mkdir(ELSEWHERE, 0755) && errno != EEXIST)
		return ERR_IO;
	enum err e = link_elsewhere(h, link, made);
	if (!e)
		strcpy(h->at, made);
	return e;
}

static enum err find_run(struct cluster_home *h)
{
	const char *run = cluster_home_path(h, "run");
	char made[] = "/tmp/switchboard-XXXXXX";
	struct stat st;
	bool fits = strlen(run) + sizeof SOCKET_NAME <= sizeof((struct sockaddr_un *)0)->sun_path;
	if (!fits && stat(run, &st)) {
		enum err e = link_elsewhere(h, run, made);
		if (e)
			return e;
	}
	if (fits) {
		enum err e = make_folder(h, run, 0755);
		if (e)
			return e;
	}
	return realpath(run, h->run) ? OK : ERR_IO;
}

enum err cluster_home_make(struct cluster_home *h, const char *folder, const char *user,
                           const char *bin)
{
	enum err e;
	memset(h, 0, sizeof *h);
	if ((e = find_bin(h, bin)) || (e = find_user(h, user)) || (e = find_home(h, folder)))
		return e;
	if ((e = make_folder(h, h->at, 0755)) ||
	    (e = make_folder(h, cluster_home_path(h, "log"), 0755)))
		return e;
	return find_run(h);
}

/* ---- what we write -----------------------------------------------------------------------------
 */

/* Whole or not at all. */
static enum err write_file(const struct cluster_home *h, const char *name, const char *text)
{
	char temp[PATH_MAX];
	snprintf(temp, sizeof temp, "%s.new", cluster_home_path(h, name));
	FILE *f = fopen(temp, "w");
	if (!f)
		return ERR_IO;
	bool bad = fputs(text, f) < 0 || fflush(f) || fsync(fileno(f)) || fchmod(fileno(f), 0644);
	bad |= fclose(f) != 0;
	return bad || rename(temp, cluster_home_path(h, name)) ? ERR_IO : OK;
}

/* An eighth of the memory for the server's own cache, within what a host shared with the nodes can
 * spare; the kernel's cache does the rest. */
static unsigned buffers_mb(void)
{
	struct sysinfo info;
	uint64_t mb = sysinfo(&info) ? 0 : (uint64_t)info.totalram * info.mem_unit >> 23;
	return mb < 32 ? 32 : mb > 1024 ? 1024 : (unsigned)mb;
}

static void write_conf(FILE *f, const struct cluster_home *h, const char *const *set)
{
	fprintf(f, "# Written by switchboard at every start: changes here are lost.\n");
	fprintf(f, "data_directory = '%s/data'\n", h->at);
	fprintf(f, "hba_file = '%s/pg_hba.conf'\nident_file = '%s/pg_ident.conf'\n", h->at, h->at);
	fprintf(f, "listen_addresses = ''\nunix_socket_directories = '%s'\n", h->run);
	fprintf(f, "max_connections = 100\nshared_buffers = %uMB\n", buffers_mb());
	/* What an acknowledgement stands on. */
	fprintf(f, "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n");
	fprintf(f, "wal_compression = lz4\nmax_wal_size = 2GB\ncheckpoint_timeout = 15min\n");
	/* Short statements by the thousand: compiling plans costs more than it gives. */
	fprintf(f, "jit = off\n");
	/* A statement's error goes to its asker; the log holds no rows, so it stays small and has
	 * no personal data. */
	fprintf(f, "log_min_messages = log\nlog_min_error_statement = panic\n");
	fprintf(f, "log_checkpoints = off\nlog_autovacuum_min_duration = -1\n");
	fprintf(f, "log_line_prefix = '%%m [%%p] '\nlog_timezone = 'UTC'\ntimezone = 'UTC'\n");
	for (; set && *set; set++)
		fprintf(f, "%s\n", *set);
}

static void write_ident(FILE *f, const struct cluster_home *h, const char *const *logins)
{
	const struct passwd *me = getpwuid(geteuid());
	fprintf(f, "# Who on this host may be whom: asked of the kernel, not of the client.\n");
	const char *ours[] = { "root", h->user, me ? me->pw_name : "root" };
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		fprintf(f, "local \"%s\" switchboard\nlocal \"%s\" postgres\n", ours[i], ours[i]);
	for (; logins && *logins; logins++)
		fprintf(f, "local \"%s\" switchboard\n", *logins);
}

enum err cluster_home_write(const struct cluster_home *h, const char *const *logins,
                            const char *const *set)
{
	static const char hba[] = "# The socket alone, and only whom pg_ident.conf names.\n"
				  "local all all peer map=local\n";
	char *conf = NULL, *ident = NULL;
	size_t n;
	enum err e = ERR_MEMORY;
	FILE *f = open_memstream(&conf, &n);
	if (f) {
		write_conf(f, h, set);
		e = fclose(f) ? ERR_MEMORY : write_file(h, "postgresql.conf", conf);
	}
	if (!e && (f = open_memstream(&ident, &n))) {
		write_ident(f, h, logins);
		e = fclose(f) ? ERR_MEMORY : write_file(h, "pg_ident.conf", ident);
	}
	free(conf);
	free(ident);
	return e ? e : write_file(h, "pg_hba.conf", hba);
}

/* ---- what we read ------------------------------------------------------------------------------
 */

/* Remove a folder and all below it; follows no link. */
static enum err remove_tree(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? OK : ERR_IO;
	DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return ERR_IO;
	}
	enum err e = OK;
	for (struct dirent *d; !e && (d = readdir(dir));) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (unlinkat(fd, d->d_name, 0))
			e = errno == EISDIR || errno == EPERM ? remove_tree(fd, d->d_name) : ERR_IO;
	}
	closedir(dir);
	return e ? e : unlinkat(at, name, AT_REMOVEDIR) ? ERR_IO : OK;
}

enum err cluster_home_sweep(const struct cluster_home *h)
{
	return remove_tree(AT_FDCWD, cluster_home_path(h, "data.new"));
}

/* A server and its children work in the data folder: that cannot be mistaken for a process that got
 * an old number by chance. */
static bool works_here(const char *pid, const struct stat *data)
{
	char path[64];
	struct stat cwd;
	snprintf(path, sizeof path, "/proc/%.20s/cwd", pid);
	return !stat(path, &cwd) && cwd.st_dev == data->st_dev && cwd.st_ino == data->st_ino;
}

bool cluster_home_in_use(const struct cluster_home *h)
{
	struct stat data;
	if (stat(cluster_home_path(h, "data"), &data))
		return false;
	DIR *proc = opendir("/proc");
	bool found = false;
	for (struct dirent *d; proc && !found && (d = readdir(proc));)
		found = d->d_name[0] >= '1' && d->d_name[0] <= '9' && works_here(d->d_name, &data);
	if (proc)
		closedir(proc);
	return found;
}

pid_t cluster_home_pid(const struct cluster_home *h, bool *ret_ready)
{
	/* Line 1 is the pid, line 8 the state (src/include/utils/pidfile.h). */
	char line[PATH_MAX], pid[16] = "";
	bool ready = false;
	FILE *f = fopen(cluster_home_path(h, "data/postmaster.pid"), "r");
	for (int n = 1; f && n <= 8 && fgets(line, sizeof line, f); n++) {
		line[strcspn(line, " \n")] = '\0';
		if (n == 1)
			snprintf(pid, sizeof pid, "%.15s", line);
		ready = n == 8 && !strcmp(line, "ready");
	}
	if (f)
		(void)fclose(f);
	struct stat data;
	if (!pid[0] || stat(cluster_home_path(h, "data"), &data) || !works_here(pid, &data))
		return 0;
	*ret_ready = ready;
	return (pid_t)strtol(pid, NULL, 10);
}

/* The last line that says what went wrong; else the last. After it the server says goodbye. */
static const char *telling_line(char *text)
{
	const char *telling = "", *last = "";
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		last = line;
		if (strstr(line, " FATAL: ") || strstr(line, " PANIC: ") || strstr(line, "error: "))
			telling = line;
	}
	return *telling ? telling : last;
}

void cluster_home_last_words(const struct cluster_home *h, char *ret, size_t cap)
{
	char tail[4096];
	ret[0] = '\0';
	int fd = open(cluster_home_path(h, "log/server.log"), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	off_t end = lseek(fd, 0, SEEK_END),
	      from = end > (off_t)sizeof tail ? end - (off_t)sizeof tail : 0;
	ssize_t n = pread(fd, tail, sizeof tail - 1, from);
	close(fd);
	if (n <= 0)
		return;
	tail[n] = '\0';
	snprintf(ret, cap, "%s", telling_line(tail));
}
