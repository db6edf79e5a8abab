"""whatsapp.py: WhatsApp ingest through every real process: each line of real-world shapes, exact counts,
and conversations that change their owner meanwhile.

whatsapp.py SWITCHBOARD WHATSAPP.JSONL
"""

import hashlib
import hmac
import json
import subprocess
import sys
import time

from lab import Lab, main

lab = Lab(sys.argv[1])
lines = sys.argv[2]

VERDICTS = {"a": "accepted", "d": "duplicates", "i": "ignored", "r": "rejected"}
COPIES = ["--dup-exact", "20", "--dup-concurrent", "10", "--dup-newid", "5", "--reorder", "10"]


def post(connector, body):
    signature = hmac.new(connector["secret"].encode(), body, hashlib.sha256).hexdigest()
    return lab.http("POST", f"/webhook/incoming?connector={connector['id']}", body,
                    {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"})


def every_line_has_its_verdict():
    shop = lab.ask("connector", "add", "--business", "lines", "--kind", "baileys")
    with open(lines, "rb") as f:
        for line in f.read().splitlines():
            want = json.loads(line)["want"]
            status, body = post(shop, line)
            assert status == 200, (status, line)
            got = {name: body[name] for name in VERDICTS.values()}
            assert got == {name: want.count(letter) for letter, name in VERDICTS.items()}, (line, body)


def flood(n, seed, *more):
    return subprocess.Popen([lab.switchboard, "load", "whatsapp", "--state", lab.state, "--json", "--n", str(n),
                             "--seed", str(seed), *COPIES, *more], stdout=subprocess.PIPE, text=True)


def ends_exact(load):
    out, _ = load.communicate(timeout=200)
    said = json.loads(out)
    assert load.returncode == 0 and said["exact"], said
    return said


def counts_are_exact():
    said = ends_exact(flood(6000, 1))
    assert said["repeats"] > 0 or said["accepted"] == said["contents"] == 3900, said
    assert said["stored"] == said["ids"] == 4200, said


def conversations_move_while_it_rains():
    """Twice as many owners, then one again: leases go over, windows are loaded anew."""
    load = flood(20000, 3, "--rate", "2500")
    for count in (2, 1, 2):
        time.sleep(1)
        lab.run("scale", f"ingest={count}")
        assert load.poll() is None, "the flood was over before all had moved"
    ends_exact(load)


with lab:
    main(every_line_has_its_verdict, counts_are_exact, conversations_move_while_it_rains)
