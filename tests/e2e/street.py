"""street.py: what bad input gets from the whole system: an exact answer, as a problem of RFC 9457 with the old
system's members beside it; nothing is stored of it, and the next good request is served as before.

street.py SWITCHBOARD
"""

import contextlib
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from lab import Lab, main, text, until

lab = Lab(sys.argv[1])
REQUEST_WITHIN = 12  # seconds: longer than any route's time


def signed(body, connector=None, secret=None, **headers):
    """A POST of these bytes, rightly signed."""
    connector = connector or shop
    signature = hmac.new((secret or connector["secret"]).encode(), body, hashlib.sha256).hexdigest()
    return lab.http("POST", "/webhook/incoming", body, {
        "Content-Type": "application/json", "X-Connector": str(connector["id"]),
        "X-Hub-Signature-256": f"sha256={signature}", **headers})


def is_problem(answer, status, *said):
    code, body = answer
    assert code == status and isinstance(body, dict), answer
    assert body["status"] == status and body["success"] is False, body
    for member in ("type", "title", "error", "traceId"):
        assert body.get(member), (member, body)
    for words in said:
        assert words in body["error"] + json.dumps(body.get("errors", "")), (words, body)


def serves_on():
    """Still there, and nothing of what was sent before is stored."""
    serves_on.n += 1
    status, body = signed(json.dumps({"messages": [text(f"G{serves_on.n}", f"good {serves_on.n}")]}).encode())
    assert (status, body["accepted"]) == (200, 1), body
    assert len(lab.ask_lines("messages", "list", "--business", "street")) == serves_on.n


serves_on.n = 0


def json_that_is_none():
    whole = json.dumps({"messages": [text("X1", "x")]}).encode()
    for body in (b"", b"{", b"nonsense", b"{\"messages\":[}", b"[1,2]", b"\xff\xfe{}", b"{\"messages\":[]} more",
                 b"{\"messages\":[],\"messages\":[]}", b"{\"messages\":7}", *(whole[:n] for n in range(1, len(whole), 17))):
        is_problem(signed(body), 400, "expected")
    serves_on()


def json_too_deep():
    deep = b"{\"messages\":[" + b"{\"a\":" * 10000 + b"1" + b"}" * 10000 + b"]}"
    is_problem(signed(deep), 400)
    is_problem(signed(b"[" * 100000), 400)
    serves_on()


def json_too_large():
    """Refused by its head, before the body is read."""
    with socket.create_connection(("127.0.0.1", lab.port), 10) as s:
        s.sendall(b"POST /webhook/incoming HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 1000000000\r\n\r\n{\"messages\":[")
        head, _, body = s.makefile("rb").read().partition(b"\r\n\r\n")
    is_problem((int(head.split()[1]), json.loads(body)), 413)
    serves_on()


def a_body_that_ends_early():
    with socket.create_connection(("127.0.0.1", lab.port), 10) as s:
        s.sendall(b"POST /webhook/incoming HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 1000\r\n\r\n{\"messages\":[")
        s.shutdown(socket.SHUT_WR)
        s.settimeout(20)
        said = s.recv(65536)
    assert said == b"" or b" 400 " in said.split(b"\r\n")[0], said
    serves_on()


def who_may_not():
    good = json.dumps({"messages": [text("X2", "x")]}).encode()
    is_problem(signed(good, secret="wrong"), 401)
    is_problem(signed(good, connector={"id": 999999, "secret": "x"}), 401)
    is_problem(signed(good, connector={"id": "nobody", "secret": "x"}), 401)
    is_problem(signed(good, **{"X-Hub-Signature-256": "sha256=zz"}), 401)
    is_problem(signed(good, **{"X-Hub-Signature-256": "md5=0"}), 401)
    is_problem(lab.http("POST", "/webhook/incoming", good, {"Content-Type": "application/json"}), 400,
               "name the connector: X-Connector or ?connector=")
    # A body signed rightly and changed by one byte, and the signature of another body.
    mac = hmac.new(shop["secret"].encode(), good, hashlib.sha256).hexdigest()
    is_problem(signed(good + b" ", **{"X-Hub-Signature-256": f"sha256={mac}"}), 401)
    wrong, unknown = signed(good, secret="wrong")[1], signed(good, connector={"id": 999999, "secret": "x"})[1]
    for body in (wrong, unknown):
        body.pop("traceId"), body.pop("instance", None)
    assert wrong == unknown, "who asks must not learn which connectors there are"
    serves_on()


def roads_that_are_none():
    is_problem(lab.http("GET", "/nowhere"), 404)
    is_problem(lab.http("GET", "/webhook/incoming"), 405)
    is_problem(lab.api("GET", "/api/whatsapp/messages?limit=many", key), 400, "limit")
    is_problem(lab.api("GET", "/api/whatsapp/messages?from_date=xyz", key), 400,
               "Invalid from_date format: 'xyz'. Use YYYY-MM-DD")
    is_problem(lab.api("GET", "/api/whatsapp/messages?cursor=%00%ff", key), 400)
    is_problem(lab.api("POST", "/api/whatsapp/messages/99999999999999999999999/release", key, {}), 400)
    serves_on()


def servers():
    """The connections' processes of PostgreSQL, which do what the store asks."""
    return [int(pid) for (pid,) in lab.sql("select pid from pg_stat_activity where backend_type = 'client backend'"
                                           " and pid <> pg_backend_pid()")]


def a_store_that_is_stalled():
    """Its servers stand still: each request is told so in its time, and what was in flight is stored once or not."""
    stopped = servers()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    row = {"messages": [text("S1", "stalled")]}
    try:
        for ask in (lambda: signed(json.dumps(row).encode()), lambda: lab.api("GET", "/api/whatsapp/messages", key)):
            start = time.monotonic()
            answer = ask()
            took = time.monotonic() - start
            is_problem(answer, 504)
            assert answer[1]["title"] == "no answer in time", answer
            assert took < REQUEST_WITHIN, took
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    # The sender repeats; whether the first was stored after all is nothing it can see.
    (status, body), _ = until("service", 20, lambda: (a := signed(json.dumps(row).encode()))[0] == 200 and a)
    assert body["accepted"] + body["duplicates"] == 1, body
    serves_on.n += 1
    assert lab.sql("select count(*) from wa_message where provider_id = 'S1'") == [["1"]]
    serves_on()


def a_tap_is_ended_by_a_signal():
    """It says what it saw and ends with 0, by Ctrl-C as by a supervisor's word."""
    for how in (signal.SIGINT, signal.SIGTERM):
        tap = subprocess.Popen([lab.switchboard, "tap", "beat.list", "--state", lab.state], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
        with tap:
            seen = threading.Event()
            threading.Thread(target=lambda t=tap, s=seen: t.stdout.readline() and s.set(), daemon=True).start()
            until("the tap hears", 20, lambda s=seen: lab.run("call", "heartbeat", "beat.list{}") and s.is_set())
            tap.send_signal(how)
            said = tap.stderr.read()
            assert tap.wait(20) == 0, (how, said)
        assert " messages" in said, said
    serves_on()


def words_on_the_bus():
    """`send` and `call` with what cannot be said: said back with what was expected, code 2; the rest by the actor."""
    for code, words, *args in (
            (2, "expected", "call", "heartbeat", "beat.list{"),
            (2, "beat.lst", "call", "heartbeat", "beat.lst{}"),
            (2, "expected a field of this message", "call", "heartbeat", "beat.list{nonsense=1}"),
            (2, "the name of a message", "send", "heartbeat", ""),
            (2, "number", "call", "store", "tenant.key_revoke{id=many}"),
            (69, "nobody", "call", "no_such_kind", "beat.list{}"),
            (2, "expected the field limit", "call", "store", "wa.list{}"),
            (77, "the message names no business", "call", "store", "wa.list{limit=1}")):
        done = subprocess.run([lab.switchboard, *args, "--state", lab.state], capture_output=True, text=True, timeout=30)
        assert done.returncode == code and words in done.stderr and not done.stdout, (args, done)
    serves_on()


with lab:
    shop = lab.ask("connector", "add", "--business", "street", "--kind", "baileys")
    key = lab.ask("key", "add", "--business", "street", "--scope", "messages.read", "--scope", "messages.release")["key"]
    main(json_that_is_none, json_too_deep, json_too_large, a_body_that_ends_early, who_may_not, roads_that_are_none,
         words_on_the_bus, a_store_that_is_stalled, a_tap_is_ended_by_a_signal)
