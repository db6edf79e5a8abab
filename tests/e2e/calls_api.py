"""The record of calls from outside: pages, one call, hanging up, settings and leads over HTTP, and the same by
command; two businesses side by side, neither of which sees the other's."""

import json
import os
import re
import signal
import subprocess
import sys
import threading

import calls
import lab as labs

OTHER = "AC" + "0" * 31 + "2"


def key_of(lab, business, *scopes):
    return lab.ask("key", "add", "--business", business, *(w for s in scopes for w in ("--scope", s)))["key"]


def both(lab):
    """A second business with a line of its own, and a key for each."""
    token = os.path.join(lab.folder, "token")
    lab.ask("connector", "add", "--business", "other", "--kind", "twilio", "--account", OTHER, "--auth-token-file",
            token, "--stream-token", "other-stream-token")
    scopes = ("calls.read", "calls.write", "leads.read", "leads.write")
    return key_of(lab, "acme", *scopes), key_of(lab, "other", *scopes)


class Running:
    """Calls that live until they are told to end, or the load ends."""

    def __init__(self, lab, *args):
        self.process = subprocess.Popen(
            [calls.switchboard, "load", "calls", "--state", lab.state, "--account", calls.ACCOUNT, "--stream-token",
             calls.STREAM, "--json", *args], stdout=subprocess.PIPE, text=True)

    def end(self):
        out, _ = self.process.communicate(timeout=120)
        return json.loads(out)


def pages(lab, key, path, member, query=""):
    rows, cursor = [], None
    while True:
        more = f"&cursor={cursor}" if cursor else ""
        status, body = lab.api("GET", f"{path}?limit=3{query}{more}", key)
        assert status == 200, (status, body)
        rows += body[member]
        cursor = body.get("next_cursor")
        if not cursor:
            return rows


def listed_shown_and_kept_apart(lab, mine, theirs):
    calls.load(lab, "--n", "7", "--seconds", "2", "--auth-token", calls.TOKEN)
    labs.until("seven rows", 20, lambda: calls.calls_in_table(lab, "state = 2") == 7)
    rows = pages(lab, mine, "/api/calls", "calls")
    assert len({r["id"] for r in rows}) == 7 and rows == sorted(rows, key=lambda r: (-r["start_us"], -r["id"])), rows
    assert {r["state"] for r in rows} == {"ended"} and {r["cause"] for r in rows} == {"caller"}, rows
    assert pages(lab, mine, "/api/calls", "calls", "&status=live") == []
    assert len(pages(lab, mine, "/api/calls", "calls", "&status=ended&direction=inbound")) == 7
    assert pages(lab, mine, "/api/calls", "calls", "&direction=outbound") == []
    assert pages(lab, theirs, "/api/calls", "calls") == []

    one = rows[3]
    status, body = lab.api("GET", f"/api/calls/{one['id']}", mine)
    assert status == 200 and body["call"]["call"] == one["call"], body
    assert body["counts"]["frames_in"] == 100 and "next_cursor" not in body, body
    kinds = [e["kind"] for e in body["events"]]
    assert "wire_up" in kinds and "session" in kinds and "wire_down" in kinds, kinds
    events = pages(lab, mine, f"/api/calls/{one['id']}/events", "events")
    assert events == body["events"], (events, body["events"])

    # another's call is answered like one that is not there, in each way of asking
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/hangup")):
        got = lab.api(method, f"/api/calls/{one['id']}{path}", theirs, *([{}] if method == "POST" else []))
        none = lab.api(method, f"/api/calls/9999999{path}", theirs, *([{}] if method == "POST" else []))
        assert got[0] == none[0] == 404, (got, none)
        for answer in (got[1], none[1]):
            answer.pop("traceId", None)
            answer.pop("instance", None)
        assert got[1] == none[1], (got, none)
    assert lab.api("POST", f"/api/calls/{one['id']}/hangup", mine, {})[0] == 409


def dates_and_words_are_checked(lab, mine):
    status, body = lab.api("GET", "/api/calls?from_date=xyz", mine)
    assert status == 400 and body["error"] == "Invalid from_date format: 'xyz'. Use YYYY-MM-DD", body
    status, body = lab.api("GET", "/api/calls?toDate=2024-13-01", mine)
    assert status == 400 and body["error"] == "Invalid to_date format: '2024-13-01'. Use YYYY-MM-DD", body
    status, body = lab.api("GET", "/api/calls?status=dead", mine)
    assert status == 400 and body["error"] == "Invalid status: 'dead'. Use expected, live, ended or refused", body
    assert lab.api("GET", "/api/calls?direction=up", mine)[0] == 400
    assert lab.api("GET", "/api/calls?cursor=zz", mine)[0] == 400
    assert lab.api("GET", "/api/calls?limit=1000", mine)[0] == 400
    assert len(lab.api("GET", "/api/calls?fromDate=2020-01-01&limit=100", mine)[1]["calls"]) == 7
    assert lab.api("GET", "/api/calls?to_date=2020-01-01", mine)[1]["calls"] == []
    reader = key_of(lab, "acme", "messages.read")
    assert lab.api("GET", "/api/calls", reader)[0] == 403
    assert lab.api("GET", "/api/calls")[0] == 401


def a_cursor_is_complete_while_calls_come(lab, mine):
    before = {r["id"] for r in lab.api("GET", "/api/calls?limit=100", mine)[1]["calls"]}
    running = Running(lab, "--n", "12", "--seconds", "2", "--ramp", "2000")
    seen, cursor = [], ""
    while running.process.poll() is None or cursor:
        status, body = lab.api("GET", f"/api/calls?limit=2&cursor={cursor}", mine)
        assert status == 200, body
        seen += [r["id"] for r in body["calls"]]
        cursor = body.get("next_cursor", "")
        if not cursor:
            assert before <= set(seen), (before, seen)
            assert len(seen) == len(set(seen)), seen
            seen = []
    running.end()


def hung_up_by_an_operator(lab, mine, theirs):
    running = Running(lab, "--n", "3", "--seconds", "60", "--grace", "0")
    try:
        labs.until("three live", 20, lambda: len(pages(lab, mine, "/api/calls", "calls", "&status=live")) == 3)
        live = pages(lab, mine, "/api/calls", "calls", "&status=live")
        assert lab.api("POST", f"/api/calls/{live[0]['id']}/hangup", theirs, {})[0] == 404
        for row in live[:2]:
            status, body = lab.api("POST", f"/api/calls/{row['id']}/hangup", mine, {})
            assert status == 202 and body["state"] == "live" and body["call"] == row["call"], (status, body)
        lab.run("calls", "hangup", str(live[2]["id"]), "--business", "other", code=4)
        assert "is hanging up" in lab.run("calls", "hangup", str(live[2]["id"]))
        labs.until("all ended by an operator", 20, lambda: calls.calls_in_table(lab, "cause = 4") == 3)
    finally:
        running.process.send_signal(signal.SIGINT)
        running.process.communicate(timeout=60)


def settings_are_checked_and_kept(lab, mine, theirs):
    line = lab.ask_lines("connector", "list")[0]["id"]
    status, body = lab.api("GET", "/api/calls/settings", mine)
    assert status == 200 and "greeting" not in body and body["connector"] == line, body
    tools = [{"name": "stock", "description": "How many are left?", "parameters": {"type": "object"},
              "url": "https://example.com/stock"}]
    told = {"greeting": "Say hello.", "voice": "cedar", "tools": tools, "longest_s": 600,
            "overflow_to": "+4930123456"}
    status, body = lab.api("PUT", "/api/calls/settings", mine, told)
    assert status == 200, body
    status, body = lab.api("GET", f"/api/calls/settings?connector={line}", mine)
    assert status == 200 and told.items() <= body.items(), body
    for wrong, why in (
            ({"overflow_to": "030 12"}, "Invalid overflow_to: '030 12'. Use E.164, such as +4930123456"),
            ({"tools": {}}, "Invalid tools: a list of {name, description, parameters, url}"),
            ({"tools": [tools[0], tools[0]]}, "Invalid tools: the 2. one has the name of another"),
            ({"tools": [{"name": "x y", "url": "https://e.com/"}]},
             "Invalid tools: the 1. one needs a name: letters, digits, _ and -, 64 of them at the most"),
            ({"voice": "two words"}, "Invalid voice: printable ASCII without spaces")):
        status, body = lab.api("PUT", "/api/calls/settings", mine, wrong)
        assert status == 400 and body["error"] == why, (wrong, body)
    for wrong, pointer in (({"longest_s": 0}, "/longest_s"), ({"most": -1}, "/most"), ({"gretting": "x"}, "/gretting")):
        status, body = lab.api("PUT", "/api/calls/settings", mine, wrong)
        assert status == 400 and body["errors"][0]["pointer"] == pointer, (wrong, body)
    assert lab.api("GET", f"/api/calls/settings?connector={line}", theirs)[0] == 404
    assert lab.api("PUT", f"/api/calls/settings?connector={line}", theirs, {"voice": "x"})[0] == 404
    assert lab.api("GET", "/api/calls/settings", mine)[1]["voice"] == "cedar"


def leads_are_known(lab, mine, theirs):
    leads = pages(lab, mine, "/api/leads", "leads")
    assert leads and pages(lab, theirs, "/api/leads", "leads") == [], leads
    one = leads[0]["lead"]
    status, body = lab.api("PATCH", f"/api/leads/{one}", mine, {"name": "Ann", "note": "wants a boat"})
    assert status == 200 and body["name"] == "Ann", body
    status, body = lab.api("GET", f"/api/leads/{one}", mine)
    assert body["notes"] == "wants a boat" and body["calls"] >= 1 and body["phone"] == leads[0]["phone"], body
    of_lead = pages(lab, mine, "/api/calls", "calls", f"&lead={one}")
    assert len(of_lead) == body["calls"], (of_lead, body)
    assert lab.api("GET", f"/api/leads/{one}", theirs)[0] == 404
    assert lab.api("PATCH", f"/api/leads/{one}", theirs, {"name": "Eve"})[0] == 404


def by_command(lab, mine):
    """What is listed and shown is what HTTP says; the timeline fits its columns and is in order."""
    rows = lab.api("GET", "/api/calls?limit=100", mine)[1]["calls"]
    told = lab.ask_lines("calls", "list", "--business", "acme", "--since", "1h")
    assert [r["id"] for r in told] == [r["id"] for r in rows] and told[0]["business"] == "acme", told[:1]
    table = lab.run("calls", "list", "--limit", "3").splitlines()
    assert table[0].startswith("ID ") and len(table) == 4, table
    assert lab.ask_lines("calls", "list", "--live") == []
    assert lab.run("calls", "list", "--business", "other") == ""
    lab.run("calls", "list", "--since", "yesterday-ish", code=2)

    one = rows[-1]
    shown, *events = lab.ask_lines("calls", "show", str(one["id"]), "--timeline")
    assert shown["call"] == one["call"] and events == lab.api("GET", f"/api/calls/{one['id']}", mine)[1]["events"]
    lines = lab.run("calls", "show", str(one["id"]), "--timeline").splitlines()
    assert max(map(len, lines)) <= 100, lines
    times = [float(m[1]) * 60 + float(m[2]) for m in (re.search(r" (\d+):(\d\d\.\d+) [┤├]", line) for line in lines) if m]
    assert len(times) >= 4 and times == sorted(times), lines
    lab.run("calls", "show", "999999", code=4)
    lab.run("calls", "hangup", str(one["id"]), code=1)

    line = lab.ask("calls", "settings", "--business", "acme", "idle_s", "30", "voice", "")
    assert line["idle_s"] == 30 and "voice" not in line and line["greeting"] == "Say hello.", line
    lab.run("calls", "settings", "--business", "acme", "idle_s", "none", code=2)
    lab.run("calls", "settings", "--business", "acme", "idl_s", "3", code=2)
    assert lab.ask("calls", "settings", "--business", "acme") == line


def watched(lab):
    """One line a change where no terminal is; Ctrl-C ends it with 0."""
    watch = subprocess.Popen([calls.switchboard, "calls", "watch", "--state", lab.state, "--json"],
                             stdout=subprocess.PIPE, text=True)
    other = subprocess.Popen([calls.switchboard, "calls", "watch", "--state", lab.state, "--business", "other"],
                             stdout=subprocess.PIPE, text=True)
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(json.loads(line) for line in watch.stdout), daemon=True)
    reader.start()
    try:
        calls.load(lab, "--n", "3", "--seconds", "4", "--auth-token", calls.TOKEN)
        of = lambda word: {s["call"]["call"] for s in seen if s["change"] == word}
        labs.until("three began and three ended", 30, lambda: len(of("began")) == 3 and len(of("ended")) == 3)
    finally:
        for process in (watch, other):
            process.send_signal(signal.SIGINT)
    out, _ = other.communicate(timeout=20)
    assert watch.wait(20) == 0 and other.returncode == 0 and out == "", (watch.returncode, other.returncode, out)
    assert {s["business"] for s in seen} == {"acme"} and any(s["call"]["age_ms"] > 1000 for s in seen), seen


def the_record_from_outside():
    with calls.system() as lab:
        mine, theirs = both(lab)
        listed_shown_and_kept_apart(lab, mine, theirs)
        dates_and_words_are_checked(lab, mine)
        a_cursor_is_complete_while_calls_come(lab, mine)
        leads_are_known(lab, mine, theirs)
        settings_are_checked_and_kept(lab, mine, theirs)
        by_command(lab, mine)
        watched(lab)
        hung_up_by_an_operator(lab, mine, theirs)


if __name__ == "__main__":
    labs.main(the_record_from_outside)
