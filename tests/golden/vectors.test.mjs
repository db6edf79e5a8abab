// vectors.test.mjs — the JavaScript codec and ours agree, byte for byte, both ways.
//
//     node vectors.test.mjs VECTORS-PROGRAM CODEC PACKET MESSAGES
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const load = (file) => import(pathToFileURL(resolve(file)));
const [program, codecFile, packetFile, messagesFile] = process.argv.slice(2);
const { codec, ProtoError } = await load(codecFile);
const { packets } = await load(packetFile);
const messages = await load(messagesFile);
const c = codec(messages);
const { encode, decode, typeOf } = c;

// ---- a value as C writes it in JSON, and back ---------------------------------------------------

function itemToJson(f, v) {
  if (f.kind === 'record') return toJson(typeOf(f.of), v);
  if (f.kind === 'bin') return Buffer.from(v).toString('base64');
  if (f.kind === 'json') return v === '' ? null : JSON.parse(v);
  if (typeof v === 'bigint') return v >= -(2n ** 53n) && v <= 2n ** 53n ? Number(v) : String(v);
  return v;
}

function toJson(type, value) {
  const out = {};
  for (const f of type.fields) {
    const v = value[f.name];
    if (v === undefined) continue;
    out[f.json ?? f.name] = f.items ? v.map((one) => itemToJson(f, one)) : itemToJson(f, v);
  }
  return out;
}

// ---- C's vectors ----------------------------------------------------------------------------------

const hexOf = (bytes) => Buffer.from(bytes).toString('hex');
const vectors = execFileSync(program, ['write'], { encoding: 'utf8', maxBuffer: 1 << 26 })
  .trimEnd().split('\n').map((line) => line.match(/^(\S+) (\S+) (.*)$/).slice(1));
assert.ok(vectors.length >= 100);
for (const [name, hex, json] of vectors) {
  const bytes = Buffer.from(hex, 'hex');
  const value = decode(name, bytes);
  assert.deepEqual(toJson(typeOf(name), value), JSON.parse(json), `${name} ${hex}`);
  assert.equal(hexOf(encode(name, value)), hex, name);
  for (let n = 0; n < bytes.length; n++) {
    assert.throws(() => decode(name, bytes.subarray(0, n)), { code: 'MALFORMED' });
  }
}

// ---- ours, for C to judge -------------------------------------------------------------------------

let state = 88172645463325252n; // xorshift64, Marsaglia 2003
function random(n) {
  state ^= BigInt.asUintN(64, state << 13n);
  state ^= state >> 7n;
  state ^= BigInt.asUintN(64, state << 17n);
  return state % BigInt(n);
}
const below = (n) => Number(random(n));

function anyText(max) {
  let text = '';
  for (let left = below(max + 1);;) {
    const piece = ['a', 'é', '漢', '😀', '"', '\\', '\n', '\0'][below(8)];
    left -= Buffer.byteLength(piece);
    if (left < 0) return text;
    text += piece;
  }
}

function anyItem(f) {
  switch (f.kind) {
    case 'bool': return below(2) === 1;
    case 'f64': return f.least === undefined ? (below(2 ** 32) - 2 ** 31) / 7 : f.least + below(f.most - f.least);
    case 'enum': return Object.keys(messages.enums[f.of])[below(Object.keys(messages.enums[f.of]).length)];
    case 'str': return anyText(Math.min(f.max, 48));
    case 'bin': return Uint8Array.from({ length: below(f.max + 1) }, () => below(256));
    case 'json': return ['{"a":[1,"b"]}', '-2.5'][below(2)]; // null in JSON would read as absent
    case 'record': return anyBody(typeOf(f.of));
    default: {
      const least = BigInt(f.least), span = BigInt(f.most) - least + 1n;
      const n = least + (random(2n ** 64n) >> random(64)) % span;
      return f.kind === 'u64' || f.kind === 'i64' ? n : Number(n);
    }
  }
}

function anyBody(type) {
  const out = {};
  for (const f of type.fields) {
    if (f.optional && below(2)) continue;
    out[f.name] = f.items ? Array.from({ length: below(Math.min(f.items, 9) + 1) }, () => anyItem(f)) :
      anyItem(f);
  }
  return out;
}

const names = ['test.ping', 'test.usual', 'test.every', 'test.maybe', 'test.lists', 'test.masked'];
const lines = [];
for (let i = 0; i < 300; i++) {
  const name = names[i % names.length];
  const bytes = encode(name, anyBody(typeOf(name)));
  lines.push(`${name} ${hexOf(bytes)} ${JSON.stringify(toJson(typeOf(name), decode(name, bytes)))}`);
}
const judged = execFileSync(program, ['check'], { input: lines.join('\n') + '\n', encoding: 'utf8' });
assert.equal(Number(judged), lines.length);

// ---- what is refused --------------------------------------------------------------------------------

const refused = (code, field, run) =>
  assert.throws(run, (e) => e instanceof ProtoError && e.code === code && e.field === field);
refused('MISSING', 'n', () => encode('test.ping', {}));
refused('RANGE', 'n', () => encode('test.ping', { n: -1 }));
refused('RANGE', 'n', () => encode('test.ping', { n: 1.5 }));
refused('RANGE', 'f64', () => encode('test.maybe', { f64: NaN }));
refused('RANGE', 'colour', () => encode('test.maybe', { colour: 'toString' }));
refused('TOO_LARGE', 'str', () => encode('test.maybe', { str: 'x'.repeat(41) }));
refused('TYPE', undefined, () => encode('constructor', {}));
refused('RANGE', 'n', () => decode('test.ping', Buffer.from('8101ff', 'hex')));
refused('MALFORMED', 'who', () => decode('test.masked', Buffer.from('8201a2c32802a0', 'hex')));
refused('MALFORMED', undefined, () => decode('test.ping', Buffer.from('8201057fddffffffff', 'hex')));
assert.deepEqual(decode('test.ping', Buffer.from('827fdc0002c0a1780105', 'hex')), { n: 5n });

// ---- packets, in chunks of every size ---------------------------------------------------------------

const { put, Packets } = packets(c);
const first = put({ envelope: { id: 7n, to_name: 'store' }, type: 'test.ping', body: { n: 5n } });
const second = put({ envelope: { re: 7n, err: 10 }, type: 'test.pong' });
const third = put({ type: 'test.frame', body: { call: 'a', seq: 1, at: 2n }, blob: Uint8Array.of(1, 2) });
const stream = Buffer.concat([first, second, third]);
for (let size = 1; size <= stream.length; size++) {
  const incoming = new Packets(1000), got = [];
  for (let at = 0; at < stream.length; at += size) {
    got.push(...incoming.push(stream.subarray(at, at + size)));
  }
  assert.deepEqual(got.map((p) => p.type), ['test.ping', 'test.pong', 'test.frame']);
  assert.deepEqual(got[0].body, { n: 5n });
  assert.equal(got[0].envelope.to_name, 'store');
  assert.equal(got[1].body, undefined);
  assert.deepEqual([...got[2].blob], [1, 2]);
}
refused('TOO_LARGE', undefined, () => [...new Packets(10).push(stream)]);
refused('TOO_LARGE', 'blob', () => put({ type: 'test.ping', body: { n: 1n }, blob: Uint8Array.of(1) }));

console.log(`${vectors.length} vectors of C, ${lines.length} of JavaScript: the same bytes`);
