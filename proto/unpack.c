/* unpack.c — the head of any msgpack value, and the way past it. */
#include "proto/pack.h"

/* n bytes, most significant first. */
static bool number(struct unpacker *u, unsigned n, uint64_t *ret)
{
	uint64_t v = 0;
	if ((size_t)(u->end - u->at) < n)
		return false;
	for (unsigned i = 0; i < n; i++)
		v = v << 8 | u->at[i];
	u->at += n;
	*ret = v;
	return true;
}

static bool sign_extended(struct unpacker *u, unsigned n, struct pack_value *ret)
{
	if (!number(u, n, &ret->bits))
		return false;
	unsigned shift = 64 - 8 * n;
	ret->bits = (uint64_t)((int64_t)(ret->bits << shift) >> shift);
	ret->kind = ret->bits >> 63 ? PACK_NEGATIVE : PACK_UINT;
	return true;
}

static bool floating(struct unpacker *u, unsigned n, struct pack_value *ret)
{
	uint64_t bits = 0;
	if (!number(u, n, &bits))
		return false;
	if (n == 8) {
		memcpy(&ret->f64, &bits, sizeof ret->f64);
	} else {
		uint32_t low = (uint32_t)bits;
		float f;
		memcpy(&f, &low, sizeof f);
		ret->f64 = (double)f;
	}
	ret->kind = PACK_FLOAT;
	return true;
}

/* A length or count of n bytes; `extra` bytes go before the content (the type of an ext). Whatever
 * is claimed must be there: each item of an array is one byte at least, each pair of a map two. */
static bool counted(struct unpacker *u, enum pack_kind kind, unsigned n, unsigned extra,
                    struct pack_value *ret)
{
	if (!number(u, n, &ret->bits))
		return false;
	ret->bits += extra;
	ret->kind = kind;
	uint64_t each = kind == PACK_MAP ? 2 : 1;
	return ret->bits * each <= (uint64_t)(u->end - u->at);
}

static bool fixed(struct unpacker *u, enum pack_kind kind, uint64_t bits, struct pack_value *ret)
{
	ret->kind = kind;
	ret->bits = bits;
	uint64_t each = kind == PACK_MAP ? 2 : kind >= PACK_STR;
	return bits * each <= (uint64_t)(u->end - u->at);
}

static bool unpack_long(struct unpacker *u, unsigned char b, struct pack_value *ret)
{
	switch (b) {
	case 0xc0:
		return fixed(u, PACK_NIL, 0, ret);
	case 0xc2:
	case 0xc3:
		return fixed(u, PACK_BOOL, b & 1, ret);
	case 0xc4:
	case 0xc5:
	case 0xc6:
		return counted(u, PACK_BIN, 1u << (b - 0xc4), 0, ret);
	case 0xc7:
	case 0xc8:
	case 0xc9:
		return counted(u, PACK_EXT, 1u << (b - 0xc7), 1, ret);
	case 0xca:
	case 0xcb:
		return floating(u, 4u << (b - 0xca), ret);
	case 0xcc:
	case 0xcd:
	case 0xce:
	case 0xcf:
		ret->kind = PACK_UINT;
		return number(u, 1u << (b - 0xcc), &ret->bits);
	case 0xd0:
	case 0xd1:
	case 0xd2:
	case 0xd3:
		return sign_extended(u, 1u << (b - 0xd0), ret);
	case 0xd4:
	case 0xd5:
	case 0xd6:
	case 0xd7:
	case 0xd8:
		return fixed(u, PACK_EXT, 1 + (1u << (b - 0xd4)), ret);
	case 0xd9:
	case 0xda:
	case 0xdb:
		return counted(u, PACK_STR, 1u << (b - 0xd9), 0, ret);
	case 0xdc:
	case 0xdd:
		return counted(u, PACK_ARRAY, 2u << (b - 0xdc), 0, ret);
	case 0xde:
	case 0xdf:
		return counted(u, PACK_MAP, 2u << (b - 0xde), 0, ret);
	default:
		return false; /* 0xc1: never used */
	}
}

bool unpack_head(struct unpacker *u, struct pack_value *ret)
{
	if (u->at == u->end)
		return false;
	unsigned char b = *u->at++;
	if (b < 0x80)
		return fixed(u, PACK_UINT, b, ret);
	if (b < 0x90)
		return fixed(u, PACK_MAP, b & 0x0f, ret);
	if (b < 0xa0)
		return fixed(u, PACK_ARRAY, b & 0x0f, ret);
	if (b < 0xc0)
		return fixed(u, PACK_STR, b & 0x1f, ret);
	if (b >= 0xe0)
		return fixed(u, PACK_NEGATIVE, (uint64_t)(int64_t)(int8_t)b, ret);
	return unpack_long(u, b, ret);
}

bool unpack_skip(struct unpacker *u)
{
	/* Values still to pass. Each is a byte at least, so more than the bytes left is a lie. */
	uint64_t left = 1;
	while (left) {
		struct pack_value v;
		if (left > (uint64_t)(u->end - u->at) || !unpack_head(u, &v))
			return false;
		left--;
		if (v.kind >= PACK_STR && v.kind <= PACK_EXT)
			u->at += v.bits;
		else if (v.kind == PACK_ARRAY)
			left += v.bits;
		else if (v.kind == PACK_MAP)
			left += 2 * v.bits;
	}
	return true;
}
