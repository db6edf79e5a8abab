// packet.mjs — messages with their envelopes, as proto/envelope.h draws them: what a port reads and
// writes on its socket pair.
//
//     const { put, Packets } = packets(codec(messages))
//     socket.write(put({ envelope: { id: 7n, to_name: 'store' }, type: 'call.open', body: {…} }))
//     const incoming = new Packets(1 << 20)
//     socket.on('data', (chunk) => { for (const p of incoming.push(chunk)) … })

import { ProtoError } from './codec.mjs';

export const FLAGS = { ask: 1, answer: 2, event: 4, control: 8 };

export function packets({ encode, decode, decodeFirst, nameOf, typeOf }) {
  // One packet. Without a body it is a bare error answer: envelope.err says which.
  function put({ envelope = {}, type, body, blob = new Uint8Array(0) }) {
    const t = typeOf(type);
    if (blob.length > (t.blob ?? 0)) throw new ProtoError('TOO_LARGE', type, 'blob');
    const content = envelope.err ? new Uint8Array(0) : encode(type, body ?? {});
    const head = encode('packet.envelope', { ...envelope, type: t.number, blob_len: blob.length });
    const length = head.length + content.length + blob.length;
    const bytes = new Uint8Array(4 + length);
    new DataView(bytes.buffer).setUint32(0, length, true);
    bytes.set(head, 4);
    bytes.set(content, 4 + head.length);
    bytes.set(blob, 4 + head.length + content.length);
    return bytes;
  }

  // What put() made, without its length. `type` is undefined when it is none of ours; then, and for
  // a bare error answer, there is no `body`.
  function read(bytes) {
    const { value: envelope, end } = decodeFirst('packet.envelope', bytes);
    const blobAt = bytes.length - (envelope.blob_len ?? 0);
    const type = nameOf(envelope.type);
    if (blobAt < end || !envelope.err === (blobAt === end)) {
      throw new ProtoError('MALFORMED', 'packet.envelope', 'blob_len');
    }
    if (type && bytes.length - blobAt > (typeOf(type).blob ?? 0)) {
      throw new ProtoError('TOO_LARGE', type, 'blob');
    }
    const packet = { envelope, type, blob: bytes.subarray(blobAt) };
    if (type && !envelope.err) packet.body = decode(type, bytes.subarray(end, blobAt));
    return packet;
  }

  // Chunks of a stream to packets. A packet above `most` bytes ends the stream: it throws.
  class Packets {
    constructor(most) {
      this.most = most;
      this.held = new Uint8Array(0);
    }

    *push(chunk) {
      let bytes = chunk;
      if (this.held.length) {
        bytes = new Uint8Array(this.held.length + chunk.length);
        bytes.set(this.held);
        bytes.set(chunk, this.held.length);
      }
      let at = 0;
      try {
        while (bytes.length - at >= 4) {
          const length = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
          if (length > this.most) throw new ProtoError('TOO_LARGE', 'packet');
          if (bytes.length - at - 4 < length) break;
          at += 4 + length;
          yield read(bytes.subarray(at - length, at));
        }
      } finally {
        this.held = bytes.slice(at);
      }
    }
  }

  return { put, read, Packets };
}
