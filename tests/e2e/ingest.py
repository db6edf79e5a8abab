"""ingest.py: from a signed webhook to the stored row and back, with all processes real.

ingest.py SWITCHBOARD
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from lab import Lab, main, text

lab = Lab(sys.argv[1])


def counts(answer):
    status, body = answer
    assert status == 200, answer
    assert body["success"] is True, body
    return tuple(body[k] for k in ("accepted", "duplicates", "ignored", "rejected"))


def a_message_is_stored_and_listed():
    acme = lab.ask("connector", "add", "--business", "acme", "--kind", "baileys")
    now = int(time.time())
    assert counts(lab.webhook(acme, [text("A1", "hello", at=now)])) == (1, 0, 0, 0)
    stored = lab.ask_lines("messages", "list", "--business", "acme")
    assert [m["body"] for m in stored] == ["hello"], stored


def the_three_layers_answer_with_counts():
    acme = lab.ask("connector", "add", "--business", "layers", "--kind", "baileys")
    now = int(time.time())
    assert counts(lab.webhook(acme, [text("B1", "are you open?", at=now)])) == (1, 0, 0, 0)
    assert counts(lab.webhook(acme, [text("B1", "are you open?", at=now)])) == (0, 1, 0, 0)  # layer 1
    assert counts(lab.webhook(acme, [text("B2", "are you open?", at=now + 1)])) == (0, 1, 0, 0)  # layer 2
    assert counts(lab.webhook(acme, [text("B3", "are you open?", at=now + 9)])) == (0, 1, 0, 0)  # layer 3
    assert counts(lab.webhook(acme, [text("B4", "are you open?", at=now + 11)])) == (1, 0, 0, 0)
    assert counts(lab.webhook(acme, [text("S1", "x", chat="status@broadcast")])) == (0, 0, 1, 0)
    assert counts(lab.webhook(acme, [{"key": {"id": "Q1"}, "message": {"conversation": "x"}}])) == (0, 0, 0, 1)
    assert len(lab.ask_lines("messages", "list", "--business", "layers")) == 2
    hidden = [m for m in lab.ask_lines("messages", "list", "--business", "layers", "--duplicates")
              if m.get("dup_layer")]
    assert len(hidden) == 2, hidden
    lab.run("messages", "release", str(hidden[0]["id"]))
    assert len(lab.ask_lines("messages", "list", "--business", "layers")) == 3


def who_may_not_is_told_nothing():
    acme = lab.ask("connector", "add", "--business", "shut", "--kind", "baileys")
    one = [text("C1", "x")]
    assert lab.webhook(acme, one, secret="wrong")[0] == 401
    assert lab.webhook({"id": 999999, "secret": "x"}, one)[0] in (401, 404)
    assert lab.http("POST", "/webhook/incoming", "{}", {"Content-Type": "application/json"})[0] in (400, 401)
    assert lab.api("GET", "/api/whatsapp/messages")[0] == 401
    assert lab.api("GET", "/api/whatsapp/messages", key="sb_nonsense")[0] == 401
    assert lab.ask_lines("messages", "list", "--business", "shut") == []


def businesses_do_not_see_each_other():
    ours = lab.ask("connector", "add", "--business", "ours", "--kind", "baileys")
    lab.ask("connector", "add", "--business", "theirs", "--kind", "baileys")
    scopes = ("--scope", "messages.read", "--scope", "messages.release")
    key = lab.ask("key", "add", "--business", "ours", *scopes)["key"]
    other = lab.ask("key", "add", "--business", "theirs", *scopes)["key"]
    now = int(time.time())
    assert counts(lab.webhook(ours, [text("D1", "ours alone", at=now), text("D2", "ours alone", at=now)])) == (1, 1, 0, 0)
    status, page = lab.api("GET", "/api/whatsapp/messages", key)
    assert status == 200 and [m["body"] for m in page["messages"]] == ["ours alone"], page
    status, page = lab.api("GET", "/api/whatsapp/messages", other)
    assert status == 200 and page["messages"] == [], page
    hidden = [m for m in lab.ask_lines("messages", "list", "--business", "ours", "--duplicates") if m.get("dup_layer")]
    foreign = lab.api("POST", f"/api/whatsapp/messages/{hidden[0]['id']}/release", other, {})
    missing = lab.api("POST", "/api/whatsapp/messages/4000000000/release", other, {})
    for answer in (foreign, missing):
        answer[1].pop("traceId", None)
        answer[1].pop("instance", None)
    assert foreign[0] == missing[0] == 404 and foreign[1] == missing[1], (foreign, missing)
    assert lab.api("POST", f"/api/whatsapp/messages/{hidden[0]['id']}/release", key, {})[0] == 200


def bad_dates_are_told_exactly():
    key = lab.ask("key", "add", "--business", "ours", "--scope", "messages.read")["key"]
    status, body = lab.api("GET", "/api/whatsapp/messages?from_date=xyz", key)
    assert status == 400 and body["success"] is False, body
    assert body["error"] == "Invalid from_date format: 'xyz'. Use YYYY-MM-DD", body
    for spelling in ("from_date", "fromDate"):
        status, page = lab.api("GET", f"/api/whatsapp/messages?{spelling}=2000-01-01", key)
        assert status == 200 and page["messages"], page


def a_backlog_at_once_is_taken():
    """More parts than 1024 at the store, of partitions nobody owns yet: admitted, not refused."""
    acme = lab.ask("connector", "add", "--business", "backlog", "--kind", "baileys")
    now = int(time.time())
    posts = [[text(f"K{p}-{i}", f"{p} {i}", chat=f"1555{i:07}@s.whatsapp.net", at=now) for i in range(120)]
             for p in range(40)]
    with ThreadPoolExecutor(len(posts)) as pool:
        answers = list(pool.map(lambda post: lab.webhook(acme, post), posts))
    assert [counts(a) for a in answers] == [(120, 0, 0, 0)] * len(posts), answers


def what_is_stored_survives_a_restart():
    before = lab.ask_lines("messages", "list", "--business", "layers", "--duplicates")
    assert lab.stop() == 0
    lab.start()
    assert lab.ask_lines("messages", "list", "--business", "layers", "--duplicates") == before


with lab:
    main(a_backlog_at_once_is_taken, a_message_is_stored_and_listed, the_three_layers_answer_with_counts,
         who_may_not_is_told_nothing, businesses_do_not_see_each_other, bad_dates_are_told_exactly, what_is_stored_survives_a_restart)
