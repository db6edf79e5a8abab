/*
 * msg.c — message blocks: where they come from, how a message is copied into one.
 *
 * Blocks of one size class are kept on a list when they end and taken from it again, up to a bound
 * in bytes; a block above the largest class comes from malloc and goes back there. Copying follows
 * the short list of views of the type, so its cost is the bytes and not the fields.
 */
#include "proto/msg.h"
#include "proto/arena.h"
#include "proto/codec.h"
#include "proto/copy.h"
#include "proto/msg_pool.h"
#include <stdlib.h>

/* Finer classes than doubling changed no speed, so they are chosen for memory: header and a small
 * body fit the first, a body with a few short texts the third. */
const uint32_t msg_pool_bytes[MSG_POOLS] = { MSG_POOL_SMALL, 256,  384,   512,  1024,
	                                     2048,           4096, 16384, 65536 };

struct msg_pool msg_pools[MSG_POOLS];

static struct msg_stats large; /* what no class holds */

/* By steps of 64 bytes up to 1,024; the few large ones are looked for. */
const uint8_t msg_class_by_step[17] = { 0, 0, 0, 0, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4 };

static uint32_t class_of(size_t size)
{
	uint32_t class = 5;
	if (size <= 1024)
		return msg_class_by_step[(size + 63) / 64];
	while (class < MSG_POOLS && msg_pool_bytes[class] < size)
		class ++;
	return class;
}

struct msg *msg_pool_more(uint32_t class)
{
	struct msg *m = malloc(msg_pool_bytes[class]);
	if (m && !msg_pools[class].made++)
		msg_pools[class].room = (int32_t)(MSG_POOL_KEPT / msg_pool_bytes[class]);
	return m;
}

void msg_pool_drop(struct msg *m, uint32_t class)
{
	msg_pools[class].made--;
	free(m);
}

static uint32_t alive(uint32_t class)
{
	const struct msg_pool *p = &msg_pools[class];
	return p->made ? p->made - (MSG_POOL_KEPT / msg_pool_bytes[class] - (uint32_t)p->room) : 0;
}

static struct msg *block_take(size_t size)
{
	uint32_t class = class_of(size);
	struct msg *m = class < MSG_POOLS ? msg_pool_take(class) : malloc(size);
	if (!m)
		return NULL;
	if (class == MSG_POOLS) {
		large.blocks++;
		large.bytes += size;
	}
	msg_head(m, class < MSG_POOLS ? class : MSG_POOL_NONE, size);
	return m;
}

static void block_give(struct msg *m)
{
	if (m->class != MSG_POOL_NONE) {
		msg_pool_give(m);
		return;
	}
	large.blocks--;
	large.bytes -= m->size;
	free(m);
}

/* ---- measure ----------------------------------------------------------------------------------
 */

/* A list and a string stand in a struct alike: a pointer and a count. */
static inline const struct str *view_at(const void *base, const struct proto_view *v)
{
	return (const struct str *)((const char *)base + v->offset);
}

static const struct proto_field *field_at(const struct proto_desc *type, uint32_t offset)
{
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct proto_field *f = &type->fields[i];
		if (f->kind == PROTO_RECORD && !f->list && offset >= f->offset &&
		    offset < f->offset + f->of_record->size)
			return field_at(f->of_record, offset - f->offset);
		if (f->offset == offset)
			return f;
	}
	return NULL;
}

static enum err measure(const struct proto_desc *type, const void *base, size_t *size,
                        const struct proto_field **ret_field);

static enum err measure_list(const struct proto_view *v, const struct str *list, size_t *size,
                             const struct proto_field **ret_field)
{
	*size = ((*size + 7) & ~(size_t)7) + (size_t)list->len * v->item;
	for (uint32_t i = 0; i < list->len; i++) {
		const void *item = list->at + (size_t)i * v->item;
		if (v->of_str) {
			if (((const struct str *)item)->len > v->each)
				return ERR_TOO_LARGE;
			*size += ((const struct str *)item)->len;
		} else if (v->of_record) {
			enum err e = measure(v->of_record, item, size, ret_field);
			if (e)
				return e;
		} else {
			break;
		}
	}
	return OK;
}

/* Add up what the views of one struct need, and hold each against its bound. */
static enum err measure(const struct proto_desc *type, const void *base, size_t *size,
                        const struct proto_field **ret_field)
{
	for (uint32_t i = 0; i < type->n_views; i++) {
		const struct proto_view *v = &type->views[i];
		const struct str *s = view_at(base, v);
		enum err e = s->len > v->max ? ERR_TOO_LARGE : OK;
		if (v->item == 1 && !e)
			*size += s->len;
		else if (!e)
			e = measure_list(v, s, size, ret_field);
		if (e) {
			if (ret_field && !*ret_field)
				*ret_field = field_at(type, v->offset);
			return e;
		}
	}
	return OK;
}

/* ---- copy -------------------------------------------------------------------------------------
 */

static char *copy_views(const struct proto_desc *type, void *base, char *end, const char *origin);

static char *copy_list(const struct proto_view *v, struct str *list, char *end, const char *origin)
{
	end += -(size_t)(end - origin) & 7;
	char *at = end;
	end += (size_t)list->len * v->item;
	memcpy(at, list->at, (size_t)list->len * v->item);
	list->at = at;
	if (!v->of_str && !v->of_record)
		return end;
	for (uint32_t i = 0; i < list->len; i++, at += v->item) {
		if (v->of_record) {
			end = copy_views(v->of_record, at, end, origin);
			continue;
		}
		struct str *s = (struct str *)at;
		copy_bytes(end, s->at, s->len);
		s->at = s->len ? end : NULL;
		end += s->len;
	}
	return end;
}

/* Move what the views of a copied struct point to behind it; origin is a multiple of 8. */
static char *copy_views(const struct proto_desc *type, void *base, char *end, const char *origin)
{
	for (uint32_t i = 0; i < type->n_views; i++) {
		const struct proto_view *v = &type->views[i];
		struct str *s = (struct str *)((char *)base + v->offset);
		if (!s->len) {
			s->at = NULL;
		} else if (v->item == 1) {
			copy_bytes(end, s->at, s->len);
			s->at = end;
			end += s->len;
		} else {
			end = copy_list(v, s, end, origin);
		}
	}
	return end;
}

enum err msg_new(const struct proto_desc *type, const void *body, struct msg **ret,
                 const struct proto_field **ret_field)
{
	size_t size = sizeof(struct msg) + (body ? type->size : 0);
	const struct proto_field *field = NULL;
	enum err e = body ? measure(type, body, &size, &field) : OK;
	if (!e && size > MSG_BYTES_MAX)
		e = ERR_TOO_LARGE;
	if (e) {
		if (ret_field)
			*ret_field = field;
		return e;
	}
	struct msg *m = block_take(size);
	if (!m)
		return ERR_MEMORY;
	m->type = type;
	if (body) {
		copy_bytes((char *)(m + 1), body, type->size);
		copy_views(type, m + 1, (char *)(m + 1) + type->size, (const char *)m);
	}
	*ret = m;
	return OK;
}

static struct str keep_name(struct msg *m, uint32_t *at, struct str name)
{
	char *to = (char *)m + *at;
	copy_bytes(to, name.at, name.len);
	*at += name.len;
	return str_n(name.len ? to : NULL, name.len);
}

enum err msg_decode(const struct proto_desc *type, struct str bytes, struct str from_name,
                    struct str to_name, struct msg **ret, const struct proto_field **ret_field)
{
	size_t room = bytes.len, names = (size_t)from_name.len + to_name.len;
	enum err e = bytes.len && type->lists ? proto_room(type, bytes, &room) : OK;
	if (e)
		return e;
	size_t size = sizeof(struct msg) + (bytes.len ? type->size + room : 0) + names;
	if (size > MSG_BYTES_MAX)
		return ERR_TOO_LARGE;
	struct msg *m = block_take(size);
	if (!m)
		return ERR_MEMORY;
	m->type = type;
	if (bytes.len) {
		struct arena arena = { .at = (char *)(m + 1) + type->size, .len = (uint32_t)room };
		e = proto_decode_kept(type, bytes, m + 1, &arena, ret_field);
	}
	if (e) {
		block_give(m);
		return e;
	}
	uint32_t at = (uint32_t)(size - names);
	m->from_name = keep_name(m, &at, from_name);
	m->to_name = keep_name(m, &at, to_name);
	*ret = m;
	return OK;
}

void msg_unref(const struct msg *m)
{
	struct msg *own = (struct msg *)(uintptr_t)m;
	if (!own || --own->refs)
		return;
	if (own->blob)
		blob_unref(own->blob);
	block_give(own);
}

struct msg_stats msg_stats(void)
{
	struct msg_stats s = large;
	for (uint32_t i = 0; i < MSG_POOLS; i++) {
		s.blocks += alive(i);
		s.bytes += (uint64_t)alive(i) * msg_pool_bytes[i];
	}
	return s;
}

/* ---- blobs ------------------------------------------------------------------------------------
 */

static void free_blob(struct blob *b)
{
	free(b);
}

struct blob *blob_copy(const void *at, size_t len)
{
	if (len > UINT32_MAX)
		return NULL;
	struct blob *b = malloc(sizeof *b + len);
	if (!b)
		return NULL;
	if (len)
		memcpy(b + 1, at, len);
	*b = (struct blob){
		.at = (const char *)(b + 1), .len = (uint32_t)len, .refs = 1, .free = free_blob
	};
	return b;
}

void blob_unref(struct blob *b)
{
	if (b && !--b->refs)
		b->free(b);
}
