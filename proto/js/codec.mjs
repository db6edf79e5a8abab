// codec.mjs — messages as bytes, for Node.js and the browser: proto/encode.c and proto/decode.c once
// more, over the tables that msgc writes (messages.mjs). Equal messages are equal bytes on both
// sides; tests/golden/vectors proves it.
//
//     import * as messages from './messages.mjs'
//     const { encode, decode } = codec(messages)
//     encode('call.open', { call: 'CA7f', rate: 8000 })      Uint8Array
//
// u64 and i64 are BigInt, an enum is its value's name, bin is a Uint8Array, an absent optional is
// left out. As in C an optional that is zero or empty is absent.

export class ProtoError extends Error {
  constructor(code, type, field) {
    super(`${code} ${type}${field ? '.' + field : ''}`);
    this.name = 'ProtoError';
    this.code = code; // as in err.def: MISSING, RANGE, TOO_LARGE, MALFORMED, TYPE
    this.field = field;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const toUtf8 = new TextEncoder();

// ---- writing ----------------------------------------------------------------------------------

class Writer {
  constructor() {
    this.bytes = new Uint8Array(256);
    this.view = new DataView(this.bytes.buffer);
    this.length = 0;
  }

  room(n) {
    if (this.length + n > this.bytes.length) {
      const more = new Uint8Array(Math.max(2 * this.bytes.length, this.length + n));
      more.set(this.bytes.subarray(0, this.length));
      this.bytes = more;
      this.view = new DataView(more.buffer);
    }
    const at = this.length;
    this.length += n;
    return at;
  }

  byte(b) {
    const at = this.room(1); // may move the bytes: first
    this.bytes[at] = b;
  }

  // A format byte and a number of `size` bytes, most significant first.
  head(format, size, value) {
    const at = this.room(1 + size);
    this.bytes[at] = format;
    if (size === 1) this.view.setUint8(at + 1, value);
    else if (size === 2) this.view.setUint16(at + 1, value);
    else if (size === 4) this.view.setUint32(at + 1, value);
    else this.view.setBigUint64(at + 1, value);
  }

  uint(big) {
    if (big > 0xffffffffn) return this.head(0xcf, 8, big);
    const n = Number(big);
    if (n < 0x80) this.byte(n);
    else if (n <= 0xff) this.head(0xcc, 1, n);
    else if (n <= 0xffff) this.head(0xcd, 2, n);
    else this.head(0xce, 4, n);
  }

  int(big) {
    if (big >= 0n) this.uint(big);
    else if (big >= -32n) this.byte(Number(big) & 0xff);
    else if (big >= -0x80n) this.head(0xd0, 1, Number(big) & 0xff);
    else if (big >= -0x8000n) this.head(0xd1, 2, Number(big) & 0xffff);
    else if (big >= -0x80000000n) this.head(0xd2, 4, Number(big) >>> 0);
    else this.head(0xd3, 8, BigInt.asUintN(64, big));
  }

  float(n) {
    const at = this.room(9);
    this.bytes[at] = 0xcb;
    this.view.setFloat64(at + 1, n);
  }

  // A length with the formats of its kind: [short form or 0, its limit, 8 bits or 0, 16, 32].
  count(n, fixed, limit, f8, f16, f32) {
    if (n < limit) this.byte(fixed | n);
    else if (f8 && n <= 0xff) this.head(f8, 1, n);
    else if (n <= 0xffff) this.head(f16, 2, n);
    else this.head(f32, 4, n);
  }

  content(bytes) {
    const at = this.room(bytes.length);
    this.bytes.set(bytes, at);
  }
}

// ---- reading: never past the end, never trusting a count ----------------------------------------

const MALFORMED = Symbol('malformed');

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  get left() {
    return this.bytes.length - this.at;
  }

  number(size) {
    if (this.left < size) throw MALFORMED;
    const at = this.at;
    this.at += size;
    if (size === 1) return this.view.getUint8(at);
    if (size === 2) return this.view.getUint16(at);
    if (size === 4) return this.view.getUint32(at);
    return this.view.getBigUint64(at);
  }

  // What must follow is there: `each` bytes at the least for each of n.
  counted(kind, n, each) {
    if (n * each > this.left) throw MALFORMED;
    return { kind, n };
  }

  signed(size) {
    const n = BigInt.asIntN(8 * size, BigInt(this.number(size)));
    return { kind: 'int', n };
  }

  float(size) {
    const at = this.at;
    this.number(size);
    return { kind: 'float', n: size === 4 ? this.view.getFloat32(at) : this.view.getFloat64(at) };
  }

  head() {
    const b = this.number(1);
    if (b < 0x80) return { kind: 'int', n: BigInt(b) };
    if (b < 0x90) return this.counted('map', b & 0x0f, 2);
    if (b < 0xa0) return this.counted('array', b & 0x0f, 1);
    if (b < 0xc0) return this.counted('str', b & 0x1f, 1);
    if (b >= 0xe0) return { kind: 'int', n: BigInt(b - 0x100) };
    if (b === 0xc0) return { kind: 'nil' };
    if (b === 0xc2 || b === 0xc3) return { kind: 'bool', n: b === 0xc3 };
    if (b >= 0xc4 && b <= 0xc6) return this.counted('bin', this.number(1 << (b - 0xc4)), 1);
    if (b >= 0xc7 && b <= 0xc9) return this.counted('ext', this.number(1 << (b - 0xc7)) + 1, 1);
    if (b === 0xca || b === 0xcb) return this.float(4 << (b - 0xca));
    if (b >= 0xcc && b <= 0xcf) return { kind: 'int', n: BigInt(this.number(1 << (b - 0xcc))) };
    if (b >= 0xd0 && b <= 0xd3) return this.signed(1 << (b - 0xd0));
    if (b >= 0xd4 && b <= 0xd8) return this.counted('ext', 1 + (1 << (b - 0xd4)), 1);
    if (b >= 0xd9 && b <= 0xdb) return this.counted('str', this.number(1 << (b - 0xd9)), 1);
    if (b === 0xdc || b === 0xdd) return this.counted('array', this.number(2 << (b - 0xdc)), 1);
    if (b === 0xde || b === 0xdf) return this.counted('map', this.number(2 << (b - 0xde)), 2);
    throw MALFORMED; // 0xc1: never used
  }

  content(n) {
    this.at += n;
    return this.bytes.subarray(this.at - n, this.at);
  }

  // Pass one whole value, however deep, without a stack.
  skip() {
    for (let values = 1; values > 0; values--) {
      if (values > this.left) throw MALFORMED;
      const v = this.head();
      if (v.kind === 'str' || v.kind === 'bin' || v.kind === 'ext') this.content(v.n);
      else if (v.kind === 'array') values += v.n;
      else if (v.kind === 'map') values += 2 * v.n;
    }
  }
}

// ---- by table -----------------------------------------------------------------------------------

const INTEGERS = new Set(['u8', 'u16', 'u32', 'u64', 'i32', 'i64']);

export function codec({ types, enums }) {
  const names = Object.fromEntries(
    Object.entries(enums).map(([name, values]) => [
      name,
      new Map(Object.entries(values).map(([value, number]) => [number, value])),
    ]));
  const numbers = Object.fromEntries(
    Object.values(types).map((type) => [type.name, new Map(type.fields.map((f) => [f.number, f]))]));

  function typeOf(name) {
    if (!Object.hasOwn(types, name)) throw new ProtoError('TYPE', String(name));
    return types[name];
  }

  function fail(code, type, f) {
    throw new ProtoError(code, type.name, f?.name);
  }

  // Zero or empty: what an absent optional reads as.
  function isAbsent(f, value) {
    if (value === undefined || value === null) return true;
    if (f.items) return value.length === 0;
    if (f.kind === 'record') {
      return typeOf(f.of).fields.every((inner) => isAbsent(inner, value[inner.name]));
    }
    if (f.kind === 'enum') return enums[f.of][value] === 0;
    if (f.kind === 'bool') return value === false;
    if (INTEGERS.has(f.kind) || f.kind === 'f64') return value === 0 || value === 0n;
    return value.length === 0;
  }

  function inRange(f, n) {
    return n >= f.least && n <= f.most;
  }

  function putInteger(w, type, f, value) {
    const isBig = typeof value === 'bigint';
    if (!isBig && !Number.isSafeInteger(value)) fail('RANGE', type, f);
    if (!inRange(f, value)) fail('RANGE', type, f);
    w.int(isBig ? value : BigInt(value));
  }

  function putText(w, type, f, value) {
    if (typeof value !== 'string') fail('MALFORMED', type, f);
    const bytes = toUtf8.encode(value);
    if (value.isWellFormed && !value.isWellFormed()) fail('MALFORMED', type, f);
    if (bytes.length > f.max) fail('TOO_LARGE', type, f);
    w.count(bytes.length, 0xa0, 32, 0xd9, 0xda, 0xdb);
    w.content(bytes);
  }

  function putBytes(w, type, f, value) {
    if (!(value instanceof Uint8Array)) fail('MALFORMED', type, f);
    if (value.length > f.max) fail('TOO_LARGE', type, f);
    w.count(value.length, 0, 0, 0xc4, 0xc5, 0xc6);
    w.content(value);
  }

  function putItem(w, type, f, value) {
    if (INTEGERS.has(f.kind)) return putInteger(w, type, f, value);
    switch (f.kind) {
      case 'bool':
        return w.byte(value ? 0xc3 : 0xc2);
      case 'f64':
        if (!Number.isFinite(value) || (f.least !== undefined && !inRange(f, value))) {
          fail('RANGE', type, f);
        }
        return w.float(value);
      case 'enum':
        if (!Object.hasOwn(enums[f.of], value)) fail('RANGE', type, f);
        return w.uint(BigInt(enums[f.of][value]));
      case 'bin':
        return putBytes(w, type, f, value);
      case 'record':
        return putRecord(w, typeOf(f.of), value);
      default:
        return putText(w, type, f, value);
    }
  }

  function putRecord(w, type, value) {
    const there = type.fields.filter((f) => !f.optional || !isAbsent(f, value[f.name]));
    w.count(there.length, 0x80, 16, 0, 0xde, 0xdf);
    for (const f of there) {
      const item = value[f.name];
      if (item === undefined || item === null) fail('MISSING', type, f);
      w.uint(BigInt(f.number));
      if (!f.items) {
        putItem(w, type, f, item);
        continue;
      }
      if (item.length > f.items) fail('TOO_LARGE', type, f);
      w.count(item.length, 0x90, 16, 0, 0xdc, 0xdd);
      for (const one of item) putItem(w, type, f, one);
    }
  }

  function takeNumber(type, f, v) {
    if (f.kind === 'f64' && v.kind === 'float') return v.n;
    if (v.kind !== 'int') fail('MALFORMED', type, f);
    return f.kind === 'u64' || f.kind === 'i64' ? v.n : Number(v.n);
  }

  // Zero stands for absent in an optional: its range does not count.
  function checkNumber(type, f, n) {
    const spared = f.optional && !f.items && (n === 0 || n === 0n);
    if (f.kind === 'f64' && !Number.isFinite(n)) fail('RANGE', type, f);
    if (f.least !== undefined && !inRange(f, n) && !spared) fail('RANGE', type, f);
    return n;
  }

  function takeEnum(type, f, v) {
    if (v.kind !== 'int') fail('MALFORMED', type, f);
    const name = names[f.of].get(Number(v.n));
    if (name === undefined && !(f.optional && !f.items && v.n === 0n)) fail('RANGE', type, f);
    return name;
  }

  function takeView(r, type, f, v) {
    if (v.kind !== (f.kind === 'bin' ? 'bin' : 'str')) fail('MALFORMED', type, f);
    const bytes = r.content(v.n);
    if (v.n > f.max) fail('TOO_LARGE', type, f);
    if (f.kind === 'bin') return bytes.slice();
    try {
      return utf8.decode(bytes);
    } catch {
      return fail('MALFORMED', type, f);
    }
  }

  function takeItem(r, type, f) {
    const v = r.head();
    if (INTEGERS.has(f.kind) || f.kind === 'f64') return checkNumber(type, f, takeNumber(type, f, v));
    switch (f.kind) {
      case 'bool':
        if (v.kind !== 'bool') fail('MALFORMED', type, f);
        return v.n;
      case 'enum':
        return takeEnum(type, f, v);
      case 'record':
        return takeRecord(r, typeOf(f.of), v);
      default:
        return takeView(r, type, f, v);
    }
  }

  function takeList(r, type, f) {
    const v = r.head();
    if (v.kind !== 'array') fail('MALFORMED', type, f);
    if (v.n > f.items) fail('TOO_LARGE', type, f);
    const items = [];
    for (let i = 0; i < v.n; i++) items.push(takeItem(r, type, f));
    return items;
  }

  function takeRecord(r, type, v) {
    const seen = new Map();
    if (v.kind !== 'map') throw MALFORMED;
    for (let i = 0; i < v.n; i++) {
      const key = r.head();
      if (key.kind !== 'int' || key.n < 0n) throw MALFORMED;
      const f = numbers[type.name].get(Number(key.n));
      if (!f) {
        r.skip();
        continue;
      }
      if (seen.has(f)) fail('MALFORMED', type, f);
      seen.set(f, f.items ? takeList(r, type, f) : takeItem(r, type, f));
    }
    const value = {};
    for (const f of type.fields) {
      if (!f.optional && !seen.has(f)) fail('MISSING', type, f);
      if (!f.optional || !isAbsent(f, seen.get(f))) value[f.name] = seen.get(f);
    }
    return value;
  }

  function encode(name, value) {
    const w = new Writer();
    putRecord(w, typeOf(name), value);
    return w.bytes.subarray(0, w.length);
  }

  // The body that stands first in bytes, and where it ends.
  function decodeFirst(name, bytes) {
    const r = new Reader(bytes);
    try {
      return { value: takeRecord(r, typeOf(name), r.head()), end: r.at };
    } catch (e) {
      throw e === MALFORMED ? new ProtoError('MALFORMED', name) : e;
    }
  }

  function decode(name, bytes) {
    const { value, end } = decodeFirst(name, bytes);
    if (end !== bytes.length) throw new ProtoError('MALFORMED', name);
    return value;
  }

  const byNumber = new Map(
    Object.values(types).filter((t) => t.number).map((t) => [t.number, t.name]));
  return { encode, decode, decodeFirst, nameOf: (number) => byNumber.get(number), typeOf };
}
