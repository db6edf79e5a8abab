// port_player.mjs — an actor in Node.js, as a user would write it, for port_node.c.

import { Refusal, play } from './port.mjs';

play('player', {
  player: (self) => {
    let seen = 0n;
    return {
      'test.ping': async ({ n }, about) => {
        if (n === 100n) throw new Refusal('CONFLICT', 'as asked');
        if (n === 101n) throw new Error('my state is wrong');
        if (n === 102n) {
          const pong = await self.ask('echo', 'test.ping', { n: 7n }); // and back through the node
          return { n: pong.n + 1000n };
        }
        if (n === 103n) {
          try {
            await self.ask('nobody', 'test.ping', { n });
          } catch (refusal) {
            return { n: BigInt(refusal.errorName.length) };
          }
        }
        if (n === 104n) {
          self.log('warn', 'told', { business: String(about.business), key: self.key });
          await self.publish('test.usual', { call: self.name, seq: 1, at: 2n, kind: 3 });
        }
        if (n === 105n) await self.end();
        seen += 1n;
        return { n: seen };
      },
    };
  },
});
