/*
 * config.c — any text as a configuration: it is taken, or each fault is a sentence with its place;
 * what was read as a tree points into the text.
 */
#include "tools/config/config.h"
#include "tools/config/zpl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void must(bool held)
{
	if (!held)
		abort();
}

static const struct actor_setting settings[] = {
	{ "body_bytes", "largest body taken", "1048576", 1024, 16777216 },
	{ "server_name", "what it calls itself", "switchboard", 0, 0 },
	{ 0 },
};
static const struct actor_kind gateway = { .name = "gateway", .settings = settings };
static const struct actor_kind store = { .name = "store" };
static const struct actor_kind *const kinds[] = { &gateway, &store, NULL };

static void check_node(const struct zpl *z, struct str text)
{
	for (; z; z = z->next) {
		must(z->line > 0 && z->line <= ZPL_LINES && z->name.len);
		must(z->name.at >= text.at && z->name.at + z->name.len <= text.at + text.len);
		check_node(z->child, text);
	}
}

static void check_tree(struct str text)
{
	struct zpl *root = NULL;
	struct zpl_fault fault = { 0 };
	enum err e = zpl_parse(text, &root, &fault);
	must(!e == !!root && (!e || (fault.what && fault.line <= ZPL_LINES + 1)));
	if (root)
		check_node(root->child, text);
	free(root);
}

static void check_config(struct str text)
{
	char path[32];
	struct config *c = NULL;
	struct config_faults faults = { 0 };
	int fd = memfd_create("config", 0);
	must(fd >= 0 && write(fd, text.at, text.len) == (ssize_t)text.len);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	struct config_places places = { .file = path, .kinds = kinds };
	enum err e = config_load(&places, &c, &faults);
	must(!e == !!c && !e == !faults.n);
	for (uint32_t i = 0; i < faults.n && i < CONFIG_FAULTS; i++)
		must(faults.text[i] && faults.text[i][0]);
	config_free(&c);
	config_faults_done(&faults);
	(void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct str text = str_n((const char *)at, len);
	check_tree(text);
	check_config(text);
	return 0;
}
