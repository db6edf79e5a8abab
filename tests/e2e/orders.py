"""orders.py: what an operator orders while it rains, and a process that takes more than its group may have: every
request begun is answered, the counts are exact, and who is not meant goes on.

orders.py SWITCHBOARD
"""

import hashlib
import hmac
import json
import signal
import socket
import sys

from flood import Flood, Probe
from lab import Lab, main, text, until

lab = Lab(sys.argv[1], disk_mb=1024, config="""
groups
    ingest
        hosts = dedupe
    memory
        hosts = store
    street
        hosts = gateway
        count = 2
        files = 128
    watch
        hosts = heartbeat
    hog
        hosts = heartbeat
        count = 0
        memory = 8M
supervise
    pause_most = 500ms
kinds
    gateway
        idle_ms = 2000
        head_ms = 2000
""")
MESSAGES = 20000


def restarted_in_turn():
    """Every node, one after the other: a few answers late, none missing, none wrong."""
    flood, probe = Flood(lab, MESSAGES, 31), Probe(lab, "restarted")
    for pattern in ("street.*", "ingest.*", "memory.*", "watch.*", "hub"):
        before = {name: p["restarts"] for name, p in lab.children().items()}
        took = probe.back_after(lambda: lab.run("restart", pattern))
        print(f"       restart {pattern}: back within {took:.2f} s", flush=True)
        assert took < 3, took
        until("all up", 30, lambda: lab.all_up() and lab.children() != before)
    flood.ends_exact()
    probe.check()


def scaled():
    flood = Flood(lab, MESSAGES * 2, 32, "--rate", "10000")
    for order in ("ingest=3", "street=3", "memory=2", "ingest=1", "street=1", "memory=1", "street=2"):
        lab.run("scale", order)
        until(f"all up after {order}", 30, lab.all_up)
    flood.ends_exact()


def begun_is_answered():
    """SIGTERM with requests under way on many connections: each gets its whole answer, and up ends with 0."""
    connector = lab.ask("connector", "add", "--business", "begun", "--kind", "baileys")
    lines = [socket.create_connection(("127.0.0.1", lab.port), 10) for _ in range(40)]
    for i, line in enumerate(lines):
        rows = [text(f"T{i}-{k}", f"drain {i} {k}", chat=f"49151{k:08}@s.whatsapp.net") for k in range(20)]
        body = json.dumps({"messages": rows}).encode()
        mac = hmac.new(connector["secret"].encode(), body, hashlib.sha256).hexdigest()
        line.sendall(f"POST /webhook/incoming HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Connector: "
                     f"{connector['id']}\r\nX-Hub-Signature-256: sha256={mac}\r\nContent-Length: {len(body)}\r\n\r\n"
                     .encode() + body)
    began = lines[0].recv(1, socket.MSG_PEEK)  # the first is answered: all are on their way
    assert began
    assert lab.stop(signal.SIGTERM) == 0
    said = {}
    stored = 0
    for line in lines:
        line.settimeout(10)
        head, _, body = line.makefile("rb").read().partition(b"\r\n\r\n")
        status = int(head.split()[1]) if head else 0
        said[status] = said.get(status, 0) + 1
        stored += json.loads(body)["accepted"] if status == 200 else 0
        line.close()
    lab.start()
    found = int(lab.sql("select count(*) from wa_message join business on business.id = business_id"
                        " where name = 'begun'")[0][0])
    print(f"       answers by status: {said}; {stored} said to be stored, {found} are", flush=True)
    assert set(said) <= {200, 503} and said[200] > 0, said
    assert found >= stored, (found, stored)


def a_hog_harms_itself():
    """It cannot live in its memory: given up, loudly. Another opens all its files: it serves on with those it has."""
    before = lab.processes()
    lab.run("scale", "hog=1")
    until("it is given up", 60, lambda: lab.children()["hog.1"]["state"] == "given_up")
    assert any("GIVEN UP name=hog.1" in line for line in lab.lines)
    lines = []
    try:
        for _ in range(400):
            lines.append(socket.create_connection(("127.0.0.1", lab.port), 10))
        Flood(lab, 5000, 33).ends_exact()
    finally:
        for line in lines:
            line.close()
    after = lab.processes()
    assert all(after[name] == pid for name, pid in before.items()), (before, after)
    lab.run("scale", "hog=0")


with lab:
    main(restarted_in_turn, scaled, begun_is_answered, a_hog_harms_itself)
