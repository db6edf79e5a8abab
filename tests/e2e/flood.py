"""flood.py: a flood of WhatsApp messages with 35 % copies, and two ledgers that say whether its counts hold.

    flood = Flood(lab, 20000, seed=1)      `switchboard load whatsapp` is under way
    flood.ends_exact()                     its verdict, and what SQL finds in the tables

    probe = Probe(lab)                     a sender of its own, whose POSTs reach every partition
    probe.back_after(lambda: …)            seconds until one begun after it is answered
    probe.check()                          everything it was answered for is stored, once

The load compares what it was told with the list it reads back; SQL counts the rows themselves; the probe keeps
a book of its own. So no one of them can hide a loss from the others.
"""

import json
import subprocess
import time

from lab import text, until

COPIES = ["--dup-exact", "20", "--dup-concurrent", "10", "--dup-newid", "5"]


class Flood:
    def __init__(self, lab, messages, seed, *more):
        self.lab, self.messages = lab, messages
        self.process = subprocess.Popen(
            [lab.switchboard, "load", "whatsapp", "--state", lab.state, "--n", str(messages), *COPIES,
             "--seed", str(seed), *more, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until("the flood flows", 30, lambda: not self.running() or self.stored())

    def stored(self):
        """Not before: a fault that hits while the load makes its business ends the load, not a message."""
        return self.lab.sql(f"""
            select 1 from wa_message where business_id =
                   (select id from business where name like 'load-%-{self.process.pid}') limit 1""")

    def running(self):
        return self.process.poll() is None

    def ends_exact(self, seconds=600):
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, f"the flood's verdict: {self.process.returncode}\n{out}{err}"
        said = json.loads(out.splitlines()[-1])
        print(f"       flood: {said['messages']} messages, {said['per_second']:.0f}/s, {said['posts']} POSTs,"
              f" {said.get('repeats', 0)} repeated, worst {said['worst_ms']:.0f} ms", flush=True)
        assert said["exact"] and said["contents"] == self.messages * 65 // 100, said
        self.same_by_sql(said)
        return said

    def same_by_sql(self, said):
        found = self.lab.sql(f"""
            select count(*), count(distinct provider_id), count(*) filter (where layer = 0)
              from wa_message where business_id =
                   (select id from business where name like 'load-%-{self.process.pid}')""")
        want = [str(said["ids"]), str(said["ids"]), str(said["contents"])]
        assert found == [want], (found, want)


class Probe:
    """One client that repeats until it is answered, and counts only on what it was answered."""

    CHATS = 300  # with 64 partitions, one is left out once in a hundred runs

    def __init__(self, lab, business="probe"):
        self.lab, self.business = lab, business
        self.connector = lab.ask("connector", "add", "--business", business, "--kind", "baileys")
        self.number, self.answered, self.statuses = 0, [], {}

    def post(self, timeout=10):
        """One POST, to every partition; its ids, if it was answered."""
        self.number += 1
        now = int(time.time())
        ids = [f"P{self.number}-{i}" for i in range(self.CHATS)]
        rows = [text(ident, f"probe {ident}", chat=f"49151{i:08}@s.whatsapp.net", at=now)
                for i, ident in enumerate(ids)]
        try:
            status, body = self.lab.webhook(self.connector, rows, timeout=timeout)
        except OSError:
            status, body = 0, None
        except Exception as e:  # half an answer
            status, body = 0, repr(e)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 200:
            assert body["accepted"] == len(ids), body
            self.answered += ids
        else:
            assert status == 0 or (status in (503, 504, 507) and body["status"] == status), (status, body)
        return status == 200

    def back_after(self, what, seconds=30):
        what()
        start = time.monotonic()
        while not self.post():
            time.sleep(0.01)  # a refused connection is told at once
            assert time.monotonic() - start < seconds, f"no service for {seconds} s: {self.statuses}"
        return time.monotonic() - start

    def check(self):
        rows = self.lab.sql(f"""select provider_id, count(*) from wa_message where business_id =
                                  (select id from business where name = '{self.business}') group by 1""")
        stored = {ident: int(n) for ident, n in rows}
        missing = [ident for ident in self.answered if ident not in stored]
        twice = [ident for ident, n in stored.items() if n > 1]
        print(f"       probe: {self.statuses} by status, {len(self.answered)} answered, {len(stored)} stored", flush=True)
        assert not missing and not twice, (missing[:5], twice[:5])
