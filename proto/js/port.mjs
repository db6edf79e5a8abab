// port.mjs — actors in Node.js: a program that a node starts behind a port (actors/port/port.h).
//
//     import { play, Refusal } from './port.mjs'
//
//     play('greeter', {
//       greeter: (self) => ({                       // one for each actor, made by its first message
//         'greet.hello': (body) => ({ text: `hello ${body.name}, this is ${self.key}` }),
//       }),
//     })
//
// A handler answers what it was asked: it returns the body of the reply, or a promise of it; throws
// Refusal('CONFLICT') or another name of proto/err.def; anything else it throws is ERR_FAULT, and
// ends the program, so that its supervisor begins it anew. `self` is what an actor may do:
//
//     self.name self.key                            greeter/ann, ann
//     self.ask(to, type, body, { withinMs, blob })  a promise of the reply's body; rejects with Refusal
//     self.send(to, type, body, { blob })           a promise that it was taken
//     self.publish(type, body)                      the same
//     self.log('warn', 'gap', { lost: 3 })          one line in the node's log
//     self.end()                                    this actor leaves; its next message makes a new one
//
// The second argument of a handler tells about the message: { business, principal, ask, withinMs, blob }.
// What is sent while a message is handled goes out for its business.

import { Socket } from 'node:net';
import { codec } from './codec.mjs';
import { errors } from './errors.mjs';
import * as schema from './messages.mjs';
import { FLAGS, packets } from './packet.mjs';

const VERSION = 1;
const MOST = 1 << 20;
const WITHIN_MS = 30_000;
const LEVELS = { error: 3, warn: 4, info: 6, debug: 7 };
const errorNames = Object.fromEntries(Object.entries(errors).map(([name, n]) => [n, name]));

export class Refusal extends Error {
  constructor(name, detail) {
    super(detail ? `${name}: ${detail}` : name);
    this.errorName = name in errors ? name : 'FAULT';
  }
}

// Everything of one connection: what waits for an answer, and who plays here.
class Port {
  constructor(program, kinds, messages, socket) {
    this.codec = codec(messages);
    this.packets = packets(this.codec);
    this.program = program;
    this.kinds = kinds;
    this.socket = socket;
    this.actors = new Map();
    this.asked = new Map();
    this.lastId = 0n;
    const incoming = new this.packets.Packets(MOST);
    socket.on('data', (chunk) => {
      for (const packet of incoming.push(chunk)) this.take(packet);
    });
    socket.on('close', () => process.exit(0)); // the node has gone, or wants us to
    socket.on('error', () => process.exit(1));
    this.write({ type: 'port.hello', body: { version: VERSION, name: program, kinds: Object.keys(kinds) } });
  }

  write(packet) {
    this.socket.write(this.packets.put(packet));
  }

  take(packet) {
    const { envelope, type, body } = packet;
    if (envelope.flags & FLAGS.answer) this.takeAnswer(packet);
    else if (type === 'port.ping') this.write({ type: 'port.pong' });
    else if (type === 'port.welcome') this.welcome = body;
    else if (type === 'port.pong') return;
    else void this.takeMessage(packet);
  }

  takeAnswer({ envelope, type, body, blob }) {
    const waiting = this.asked.get(envelope.re);
    if (!waiting) return; // it came too late
    this.asked.delete(envelope.re);
    clearTimeout(waiting.timer);
    if (envelope.err) waiting.reject(new Refusal(errorNames[envelope.err] ?? 'FAULT'));
    else waiting.resolve(blob.length ? { ...body, blob: blob.slice() } : (body ?? type));
  }

  async takeMessage({ envelope, type, body, blob }) {
    const about = {
      business: envelope.business,
      principal: envelope.principal,
      ask: Boolean(envelope.flags & FLAGS.ask),
      withinMs: envelope.deadline_ms,
      blob: blob.length ? blob.slice() : undefined,
    };
    try {
      const actor = this.actorOf(envelope.to_name, envelope);
      const handler = type && actor.handlers[type];
      if (!handler) throw new Refusal('TYPE', `${envelope.to_name} does not take ${type ?? envelope.type}`);
      actor.business = envelope.business;
      const reply = await handler(body, about);
      if (about.ask) this.answer(envelope.id, this.codec.typeOf(type).reply, reply ?? {});
    } catch (error) {
      this.fail(envelope, about, error);
    }
  }

  answer(re, type, reply) {
    const { blob, ...body } = reply;
    this.write({ envelope: { flags: FLAGS.answer, re }, type, body, blob });
  }

  fail(envelope, about, error) {
    const refused = error instanceof Refusal;
    const name = refused ? error.errorName : 'FAULT';
    if (about.ask) {
      this.write({
        envelope: { flags: FLAGS.answer, re: envelope.id, err: errors[name] },
        type: 'port.pong',
      });
    }
    if (refused) return;
    this.log('error', 'handler_threw', { actor: envelope.to_name, error: String(error?.stack ?? error) });
    this.socket.end(() => process.exit(70)); // my state is wrong: begin me anew
  }

  actorOf(name) {
    let actor = this.actors.get(name);
    if (!actor) {
      const [kind, key = ''] = name.split(/\/(.*)/s);
      const make = this.kinds[kind];
      if (!make) throw new Refusal('NO_ROUTE', kind);
      actor = { business: undefined };
      actor.handlers = make(this.selfOf(name, key, actor));
      this.actors.set(name, actor);
    }
    return actor;
  }

  selfOf(name, key, actor) {
    const say = (to, type, body, options = {}) => this.say(name, actor.business, to, type, body, options);
    return {
      name,
      key,
      ask: (to, type, body, options) => say(to, type, body, { ...options, ask: true }),
      send: say,
      publish: (type, body) => say('', type, body),
      log: (level, word, fields) => this.log(level, word, { actor: name, ...fields }),
      end: () => {
        this.actors.delete(name);
        return say(name, 'port.pong', {}, { end: true });
      },
    };
  }

  // Every word is acknowledged by the node, so a full bus is seen here as a rejected promise.
  say(from, business, to, type, body, { ask = false, end = false, withinMs = WITHIN_MS, blob } = {}) {
    return new Promise((resolve, reject) => {
      const id = ++this.lastId;
      const timer = setTimeout(() => {
        this.asked.delete(id);
        reject(new Refusal('TIMEOUT'));
      }, withinMs + 1000);
      this.asked.set(id, { resolve, reject, timer });
      const flags = (ask ? FLAGS.ask : 0) | (end ? FLAGS.control : 0);
      this.write({
        envelope: { flags, id, from_name: from, to_name: to || undefined, business, deadline_ms: withinMs },
        type,
        body: body ?? {},
        blob,
      });
    });
  }

  log(level, word, fields = {}) {
    const pairs = Object.entries(fields).map(([k, v]) => `${k}=${JSON.stringify(v)}`);
    const text = [word, ...pairs].join(' ').slice(0, 900);
    this.write({ type: 'port.log', body: { level: LEVELS[level] ?? LEVELS.info, text } });
  }
}

// `messages`: tables of a schema of your own (msgc writes them); those of switchboard otherwise.
export function play(program, kinds, messages = schema) {
  const fd = Number(process.env.PORT_FD);
  if (!fd) throw new Error('PORT_FD is not set: this program is started by a node, as a port');
  const socket = new Socket({ fd, readable: true, writable: true });
  return new Port(program, kinds, messages, socket);
}
