"""standins.py: the stand-ins against each other, so that later each can be trusted against the system.

    load calls ══ a bare bridge ══ sim realtime        every frame proved; and what is wrong is found
    a client written here ═══════ sim realtime         strict as the service is strict

Usage: standins.py SWITCHBOARD BRIDGE [TEST…]
"""

import base64
import contextlib
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

SWITCHBOARD, BRIDGE = (os.path.abspath(a) for a in sys.argv[1:3])


def first_line(process):
    line = process.stdout.readline()
    assert line, f"{process.args[0]} said nothing"
    return line


@contextlib.contextmanager
def sim(*args):
    """A simulated AI; yields its port and, after its end, has its lines in .lines."""
    process = subprocess.Popen([SWITCHBOARD, "sim", "realtime", "--json", "--within", "60", *args],
                               stdout=subprocess.PIPE, text=True)
    try:
        process.port = int(json.loads(first_line(process))["at"].rsplit(":", 1)[1])
        yield process
        process.terminate()
        process.lines = [json.loads(line) for line in process.communicate(timeout=20)[0].splitlines()]
        assert process.returncode == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def triangle(load, *play):
    """Load, bridge and AI; what load says, what the AI says at its end."""
    with sim("--quiet", *play) as ai:
        bridge = subprocess.Popen([BRIDGE, str(ai.port)], stdout=subprocess.PIPE, text=True)
        try:
            to = first_line(bridge).split()[1]
            done = subprocess.run([SWITCHBOARD, "load", "calls", "--json", "--to", to, *load],
                                  capture_output=True, text=True, timeout=60)
        finally:
            bridge.kill()
            bridge.wait()
    result = json.loads(done.stdout)
    assert done.returncode == (0 if result["exact"] else 1), done
    return result, ai.lines[-1]


# ---- the triangle --------------------------------------------------------------------------------

def test_every_frame_is_proved():
    calls, ai = triangle(["--n", "20", "--seconds", "3", "--ramp", "300", "--jitter", "15", "--dtmf", "12#"])
    assert calls["exact"], calls
    assert calls["sent"] == calls["back"] == 20 * 150, calls
    assert calls["digits"] == 20 * 3
    assert ai["frames"] == 20 * 150 and ai["missing"] == ai["errors"] == 0, ai


def test_kills_and_slow_readers_do_not_blur_the_count():
    calls, ai = triangle(["--n", "30", "--seconds", "3", "--ramp", "300", "--kills", "25", "--slow-readers", "20"])
    assert calls["exact"], calls
    assert calls["killed"] >= 3 and calls["slow"] >= 3, calls
    assert calls["sent"] == (30 - calls["killed"] - calls["slow"]) * 150, calls
    assert ai["broken"] == ai["twice"] == ai["others"] == 0, ai


def test_answers_are_heard():
    calls, ai = triangle(["--n", "4", "--seconds", "6", "--ramp", "100", "--answers"], "--play", "talking,answer=1000")
    assert calls["exact"], calls
    assert calls["turns"] >= 4 and ai["speech"] >= 4 and ai["answers"] >= 4, (calls, ai)
    assert calls["of_ai"] >= 4 * 50, calls


def test_what_is_wrong_is_found():
    for play, count in (("echo,drop=1000", "cut"), ("echo,stall=1000", "lost"), ("echo,garbage=1000", "offences"),
                        ("echo,refuse=503", "lost"), ("echo,expire=1500", "cut")):
        calls, _ = triangle(["--n", "2", "--seconds", "3", "--ramp", "100", "--grace", "300"], "--play", play)
        assert not calls["exact"] and calls["why"], (play, calls)
        assert calls[count] > 0, (play, calls)


# ---- a client of the AI --------------------------------------------------------------------------

class Client:
    def __init__(self, port, path="/v1/realtime?model=gpt-realtime", headers=None, tls=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", "Host: ai", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
        lines += [f"{k}: {v}" for k, v in (headers or {"Authorization": "Bearer sk"}).items()]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        self.buffer = b""
        head = self.until(b"\r\n\r\n")
        self.status = int(head.split()[1])
        self.head = head.decode()
        if self.status == 101:
            accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
            assert accept in head

    def more(self):
        got = self.socket.recv(65536)
        if not got:
            raise EOFError
        self.buffer += got

    def until(self, end):
        while end not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(end, 1)
        return head

    def take(self, n):
        while len(self.buffer) < n:
            self.more()
        got, self.buffer = self.buffer[:n], self.buffer[n:]
        return got

    def frame(self):
        first, second = self.take(2)
        assert not second & 0x80, "a server masks nothing"
        n = second & 127
        if n == 126:
            n = struct.unpack(">H", self.take(2))[0]
        elif n == 127:
            n = struct.unpack(">Q", self.take(8))[0]
        return first & 15, self.take(n)

    def event(self, kind=None):
        """The next event; the next of that type."""
        while True:
            opcode, body = self.frame()
            if opcode == 8:
                raise EOFError(struct.unpack(">H", body[:2])[0])
            if opcode == 1:
                event = json.loads(body)
                if kind in (None, event["type"]):
                    return event

    def raw(self, body, opcode=1, mask=True):
        n = len(body)
        head = bytes([0x80 | opcode])
        bit = 0x80 if mask else 0
        head += bytes([bit | n]) if n < 126 else bytes([bit | 126]) + struct.pack(">H", n)
        self.socket.sendall(head + (b"\0\0\0\0" if mask else b"") + body)

    def say(self, kind, **members):
        self.raw(json.dumps({"type": kind, "event_id": "mine", **members}).encode())

    def refused(self, code, kind, **members):
        self.say(kind, **members)
        error = self.event("error")["error"]
        assert error["code"] == code, error
        assert error["event_id"] == "mine", error
        return error


GA = {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}},
                                    "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"}}}
BETA = {"input_audio_format": "g711_ulaw", "output_audio_format": "g711_ulaw"}
LOUD = base64.b64encode(b"\x80" * 160).decode()
QUIET = base64.b64encode(b"\xff" * 160).decode()


def begin(port, session=None, **more):
    client = Client(port, **more)
    assert client.event()["type"] == "session.created"
    client.say("session.update", session=session or GA)
    client.event("session.updated")
    return client


def test_settings_are_checked():
    with sim() as ai:
        c = Client(ai.port)
        created = c.event("session.created")["session"]
        assert created["expires_at"] > time.time() + 3000
        c.refused("invalid_request_error", "input_audio_buffer.append", audio=QUIET)
        c.refused("missing_required_parameter", "session.update")
        assert c.refused("missing_required_parameter", "session.update", session={})["param"] == "session.type"
        assert c.refused("unknown_parameter", "session.update", session={**GA, "voice": "x"})["param"] == "session.voice"
        c.refused("invalid_value", "session.update",
                  session={"type": "realtime", "audio": {"input": {"format": {"type": "g711_ulaw"}}}})
        c.refused("invalid_type", "session.update", session={"type": "realtime", "instructions": 7})
        c.refused("invalid_value", "session.update", session={"type": "realtime", "audio": {"output": {"speed": 9}}})
        c.say("session.update", session={**GA, "tools": [{"type": "function", "name": "end_call", "parameters": {}}]})
        assert c.event("session.updated")["session"]["tools"][0]["name"] == "end_call"
        c.refused("unknown_parameter", "session.update", session=BETA)
        b = begin(ai.port, BETA, headers={"Authorization": "Bearer sk", "OpenAI-Beta": "realtime=v1"})
        b.refused("unknown_parameter", "session.update", session=GA)
    assert any(line.get("early") == 1 for line in ai.lines)


def test_events_are_checked():
    with sim() as ai:
        c = begin(ai.port)
        c.refused("invalid_value", "of.nobody")
        c.raw(b"{")
        assert c.event("error")["error"]["code"] == "invalid_json"
        c.raw(b"\0\1", opcode=2)
        c.event("error")
        c.refused("invalid_value", "input_audio_buffer.append", audio="***")
        c.refused("invalid_value", "input_audio_buffer.append", audio="-_==")
        c.refused("input_audio_buffer_commit_empty", "input_audio_buffer.commit")
        c.refused("response_cancel_not_active", "response.cancel")
        c.refused("item_not_found", "conversation.item.truncate", item_id="item_1_99", content_index=0, audio_end_ms=1)
        c.refused("invalid_tool_call_id", "conversation.item.create",
                  item={"type": "function_call_output", "call_id": "nobody", "output": "1"})
        c.refused("invalid_value", "conversation.item.create",
                  item={"type": "message", "role": "assistant", "content": [{"type": "input_text", "text": "x"}]})
        c.say("conversation.item.create",
              item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]})
        c.event("conversation.item.added")
        c.event("conversation.item.done")
        c.raw(b"", opcode=9)
        c.raw(b"unmasked", mask=False)
        with contextlib.suppress(EOFError):
            while True:
                c.event()


def say_turn(c):
    c.say("input_audio_buffer.append", audio=LOUD)
    started = c.event("input_audio_buffer.speech_started")
    for _ in range(25):
        c.say("input_audio_buffer.append", audio=QUIET)
    stopped = c.event("input_audio_buffer.speech_stopped")
    assert stopped["item_id"] == started["item_id"]


def test_a_turn_in_both_shapes():
    shapes = ((GA, {"Authorization": "Bearer sk"}, "response.output_audio.delta", "conversation.item.done"),
              (BETA, {"Authorization": "Bearer sk", "OpenAI-Beta": "realtime=v1"}, "response.audio.delta",
               "conversation.item.created"))
    with sim("--play", "talking,answer=500,think=0,speed=0") as ai:
        for session, headers, delta, added in shapes:
            c = begin(ai.port, session, headers=headers)
            say_turn(c)
            c.event(added)
            first = c.event(delta)
            assert len(base64.b64decode(first["delta"])) == 160 * 8
            done = c.event("response.done")["response"]
            assert done["status"] == "completed" and done["usage"]["output_token_details"]["audio_tokens"] == 10, done
            c.event("rate_limits.updated")
            item = first["item_id"]
            c.refused("invalid_value", "conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=501)
            c.say("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=500)
            assert c.event("conversation.item.truncated")["audio_end_ms"] == 500
    assert sum(line.get("beyond", 0) for line in ai.lines[:-1]) == 2


def test_one_answer_at_a_time_and_the_voice_breaks_in():
    with sim("--play", "talking,answer=5000,speed=1,think=0") as ai:
        c = begin(ai.port)
        c.say("response.create")
        c.event("response.output_audio.delta")
        c.refused("conversation_already_has_active_response", "response.create")
        c.refused("cannot_update_voice", "session.update",
                  session={"type": "realtime", "audio": {"output": {"voice": "cedar"}}})
        c.say("response.cancel")
        assert c.event("response.done")["response"]["status_details"]["reason"] == "client_cancelled"
        c.say("response.create")
        c.event("response.output_audio.delta")
        c.say("input_audio_buffer.append", audio=LOUD)
        c.event("input_audio_buffer.speech_started")
        assert c.event("response.done")["response"]["status_details"]["reason"] == "turn_detected"


def mixed(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
    return x ^ x >> 31


def stamp(seq, flags=0, item=0, ms=0, clears=0, cleared_us=0):
    """One frame of a caller, as tools/load/stamp.h has it."""
    body = struct.pack("<4sIIIQQIIIIIIQ", b"SWBF", 1, 1, seq, time.monotonic_ns() // 1000, 0, flags, 0, 0, item, ms,
                       clears, cleared_us).ljust(152, b"\0")
    total = 0x9E3779B97F4A7C15
    for (word,) in struct.iter_unpack("<Q", body):
        total = (mixed(total ^ word) + 0x9E3779B97F4A7C15) % 2**64
    return base64.b64encode(body + struct.pack("<Q", total)).decode()


def test_what_was_heard_is_held_against_audio_end_ms():
    speech, cleared = 1, 4
    with sim("--play", "talking,answer=2000,speed=0,think=0") as ai:
        c = begin(ai.port)
        c.say("response.create")
        item = c.event("response.output_audio.delta")["item_id"]
        c.event("response.done")
        c.say("input_audio_buffer.append", audio=stamp(1, speech))
        c.event("input_audio_buffer.speech_started")
        at = time.monotonic_ns() // 1000
        c.say("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=630)
        c.say("input_audio_buffer.append",
              audio=stamp(2, speech | cleared, int(item.rsplit("_", 1)[1]), 600, 1, at))
        c.say("input_audio_buffer.append", audio=stamp(4, speech | cleared, 1, 600, 1, at))  # 3 is missing
        c.say("input_audio_buffer.append", audio=stamp(4, speech | cleared, 1, 600, 1, at))  # and that one a twin
        c.refused("invalid_value", "of.nobody")
    seen = ai.lines[-1]
    assert seen["matched"] == 1 and seen["over_ms"] == 30 and seen["under_ms"] == 0, seen
    assert seen["frames"] == 4 and seen["missing"] == seen["twice"] == 1 and seen["broken"] == 0, seen
    assert 0 < seen["clear_worst_ms"] < 5000, seen


def test_functions_are_called():
    with sim("--play", "talking,tools=1,think=0") as ai:
        c = begin(ai.port, {**GA, "tools": [{"type": "function", "name": "look_up", "parameters": {}}]})
        c.say("response.create")
        call = c.event("response.output_item.done")["item"]
        assert call["type"] == "function_call" and call["name"] == "look_up" and call["arguments"] == "{}"
        c.event("response.done")
        c.say("conversation.item.create",
              item={"type": "function_call_output", "call_id": call["call_id"], "output": "{}"})
        c.event("conversation.item.done")
    assert ai.lines[-1]["functions"] == ai.lines[-1]["outputs"] == 1


def test_who_may_come_in_and_faults():
    with sim("--bearer", "sk", "--play", "echo,refuse=429,retry=7,faults=1") as ai:
        assert Client(ai.port, headers={"Authorization": "Bearer other"}).status == 401
        assert Client(ai.port, headers={"X": "y"}).status == 401
        assert Client(ai.port, path="/v1/other?model=x").status == 404
        assert Client(ai.port, path="/v1/realtime").status == 404
        first = Client(ai.port)
        assert first.status == 429 and "Retry-After: 7" in first.head, first.head
        begin(ai.port)
        assert Client(ai.port, path="/v1/realtime?model=sim,refuse=403").status == 403
        assert Client(ai.port, path="/v1/realtime?model=sim,nonsense").status == 404
        start = time.monotonic()
        late = Client(ai.port, path="/v1/realtime?model=sim,delay=300")
        assert late.status == 101 and time.monotonic() - start >= 0.3
        ends = begin(ai.port, path="/v1/realtime?model=sim,expire=200")
        assert ends.event("error")["error"]["code"] == "session_expired"
        try:
            while True:
                ends.event()
        except EOFError as e:
            assert e.args == (1001,), e.args


def test_tls():
    with tempfile.TemporaryDirectory() as folder:
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                        "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        with sim("--cert", cert, "--cert-key", key) as ai:
            c = begin(ai.port, tls=ssl.create_default_context(cafile=cert))
            c.say("input_audio_buffer.append", audio=QUIET)
            assert c.event("response.output_audio.delta")["delta"] == QUIET


if __name__ == "__main__":
    tests = [(name, f) for name, f in sorted(globals().items()) if name.startswith("test_")]
    tests = [t for t in tests if not sys.argv[3:] or t[0] in sys.argv[3:]]
    for name, f in tests:
        print(f"== {name}", flush=True)
        f()
    print(f"{len(tests)} checks")
