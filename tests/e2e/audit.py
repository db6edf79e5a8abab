"""audit.py: what an operator and a key do is in the trail, each once and in the name of who did it; no secret is;
and what is changed behind the trail's back is found.

audit.py SWITCHBOARD
"""

import json
import os
import re
import sys

from lab import Lab, main, until

ACCOUNT = "AC" + "0" * 31 + "1"
ASKER = re.compile(r"cli@cli\.[a-z0-9_-]+\.\d+")


def rows(*args):
    return lab.ask_lines("audit", "list", *args)


def each_leaves_one_row_and_no_secret():
    token = os.path.join(lab.folder, "token")
    with open(token, "w") as f:
        f.write("canary-of-the-carrier-1")
    bridge = lab.ask("connector", "add", "--business", "acme", "--kind", "baileys")
    line = lab.ask("connector", "add", "--business", "acme", "--kind", "twilio", "--account", ACCOUNT,
                   "--auth-token-file", token)
    with open(token, "w") as f:
        f.write("canary-of-the-carrier-2")
    lab.run("connector", "rotate", str(line["id"]), "--auth-token-file", token)
    key = lab.ask("key", "add", "--business", "acme", "--scope", "calls.write", "--scope", "calls.read")
    other = lab.ask("key", "add", "--business", "other", "--scope", "calls.write", code=4)
    assert "error" in other, other
    tools = [{"name": "look", "url": "https://example.com/?canary-of-a-tool", "description": "d", "parameters": {}}]
    status, body = lab.api("PUT", f"/api/calls/settings", key["key"],
                           {"voice": "cedar", "tools": tools})
    assert status == 200, (status, body)
    lab.run("calls", "settings", "--business", "acme", "voice", "marin")
    for _ in range(2):
        lab.run("key", "revoke", str(key["id"]))
        lab.run("connector", "remove", str(bridge["id"]))
    assert not any(c["id"] == bridge["id"] for c in lab.ask_lines("connector", "list"))
    told = rows("--business", "acme")
    assert [r["action"] for r in told] == [
        "business.add", "connector.add", "connector.add", "connector.rotate", "key.add", "call.settings",
        "call.settings", "key.revoke", "connector.remove"], told
    assert [r["seq"] for r in told] == list(range(1, len(told) + 1))
    by_key = told[5]
    assert by_key["principal"] == key["id"] and by_key["asker"].startswith("gateway@street."), by_key
    assert len(by_key["trace"]) == 32 and by_key["detail"] == {"changed": ["tools", "voice"]}, by_key
    for r in told:
        assert r is by_key or (ASKER.fullmatch(r["asker"]) and "principal" not in r), r
    everything = lab.run("audit", "list") + json.dumps(told) + str(lab.sql("select * from audit"))
    for secret in (bridge["secret"], key["key"], "canary"):
        assert secret not in everything, secret
    assert rows("--business", "acme", "--since", "2040-01-01") == []
    assert len(rows("--business", "acme", "--since", "1h")) == len(told)
    lab.run("audit", "list", "--business", "nobody", code=4)


def a_row_changed_behind_is_named():
    assert "stand as they were written" in lab.run("audit", "verify")
    good = lab.ask_lines("audit", "verify")
    assert all(t["ok"] for t in good) and [t["rows"] for t in good if t["name"] == "acme"] == [9], good
    lab.ask("connector", "add", "--business", "beta", "--kind", "baileys")
    lab.sql("alter table audit disable trigger user; update audit set detail = '{}' where action = 'key.add';"
            "alter table audit enable trigger user")
    said = lab.run("audit", "verify", code=1)
    ident = lab.sql("select id from audit where action = 'key.add'")[0][0]
    assert f"acme: row 5 (id {ident}) is not as it was written" in said, said
    lab.run("audit", "verify", "--business", "beta")
    lab.run("audit", "verify", "--business", "acme", code=1)
    bad = [json.loads(line) for line in lab.run("audit", "verify", "--json", code=1).splitlines()]
    assert [(t["name"], t["seq"], t["id"]) for t in bad if not t["ok"]] == [("acme", 5, int(ident))], bad


def system():
    return [r for r in rows() if not r["business"]]


def what_is_no_row_is_in_the_trail_too():
    """Orders to the supervisor, and keys of the bus: these whether a system runs or not."""
    lab.run("keys", "new", "ann", "--host", "cli")
    lab.run("restart", "watch.1")
    lab.run("scale", "ingest=2")
    lab.run("restart", "nobody", code=4)
    lab.run("keys", "revoke", "ann")
    until("four of the system's", 20, lambda: len(system()) == 4)
    lab.run("down")
    assert lab.process.wait(40) == 0
    lab.process = None
    lab.run("keys", "new", "bob", "--host", "cli")
    waiting = os.listdir(os.path.join(lab.state, "audit"))
    assert len(waiting) == 1, waiting
    # A supervisor that died between the row and the file's end brings it once more: still one row.
    path = os.path.join(lab.state, "audit", waiting[0])
    with open(path) as f:
        kept = f.read()
    lab.start()
    until("bob's", 20, lambda: not os.path.exists(path))
    with open(path, "w") as f:
        f.write(kept)
    until("bob's, again", 20, lambda: not os.path.exists(path))
    told = system()
    assert [(r["action"], r.get("subject", "")) for r in told] == [
        ("bus_key.new", "ann"), ("system.restart", "watch.1"), ("system.scale", "ingest"), ("bus_key.revoke", "ann"),
        ("system.down", ""), ("bus_key.new", "bob")], told
    for r in told:
        assert r["asker"] == "supervisor@supervisor" and r["detail"]["at_us"] <= r["at_us"], r
        by = r["detail"]["by"]
        assert ASKER.fullmatch(by) if r["action"].startswith("system.") else by and "@" not in by, r
    assert told[2]["detail"]["count"] == 2 and told[0]["detail"]["host"].startswith("cli"), told
    lab.run("audit", "verify")


lab = Lab(sys.argv[1])
with lab:
    main(what_is_no_row_is_in_the_trail_too, each_leaves_one_row_and_no_secret, a_row_changed_behind_is_named)
