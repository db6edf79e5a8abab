"""No AI to talk to: the caller hears a spoken apology, whole, then the stream ends, and the record says why."""

import base64
import json
import os
import re
import secrets
import socket
import struct
import sys
import threading
import time

import calls
import lab as labs

BUILD = os.path.dirname(os.path.abspath(sys.argv[1]))
QUIET = base64.b64encode(b"\xff" * 160).decode()


def clip(name):
    """The bytes that stand in the program, as its build made them."""
    with open(os.path.join(BUILD, "actors", "call_session", "spoken", f"spoken_{name}.c")) as f:
        numbers = f.read().rsplit("{", 1)[1]
    return bytes(int(n) for n in re.findall(r"[0-9]+", numbers))


class Caller:
    """The carrier's side of one stream: speaks silence 50 times a second, plays at once what it gets."""

    def __init__(self, lab):
        self.call, self.stream = "CA" + secrets.token_hex(16), "MZ" + secrets.token_hex(16)
        self.audio, self.open = b"", True
        self.lock = threading.Lock()
        self.socket = socket.create_connection(("127.0.0.1", lab.port), timeout=30)
        self.socket.sendall(("GET /ws/twilio-media HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                             + base64.b64encode(os.urandom(16)).decode() + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        assert b" 101 " in self.file.readline()
        while self.file.readline() != b"\r\n":
            pass
        self.say(event="connected", protocol="Call", version="1.0.0")
        self.say(event="start", sequenceNumber="1", streamSid=self.stream, start={
            "streamSid": self.stream, "accountSid": calls.ACCOUNT, "callSid": self.call, "tracks": ["inbound"],
            "customParameters": {"token": calls.STREAM},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}})
        threading.Thread(target=self.talk, daemon=True).start()

    def say(self, **event):
        body = json.dumps(event).encode()
        head = bytes([0x81, 0x80 | len(body)]) if len(body) < 126 else struct.pack(">BBH", 0x81, 0xfe, len(body))
        with self.lock:
            self.socket.sendall(head + b"\0\0\0\0" + body)

    def talk(self):
        for n in range(1, 3000):
            try:
                self.say(event="media", sequenceNumber=str(n + 1), streamSid=self.stream, media={
                    "track": "inbound", "chunk": str(n), "timestamp": str(n * 20), "payload": QUIET})
            except OSError:
                return
            time.sleep(0.02)  # the carrier's pace

    def listen(self):
        """Until the other side ends it; how it was closed."""
        while True:
            first, n = self.file.read(2)
            n = struct.unpack(">H", self.file.read(2))[0] if n == 126 else n
            body = self.file.read(n)
            if first & 15 == 8:
                return struct.unpack(">H", body[:2])[0]
            if first & 15 != 1:
                continue
            event = json.loads(body)
            if event["event"] == "media":
                self.audio += base64.b64decode(event["media"]["payload"])
            elif event["event"] == "mark":
                self.say(event="mark", sequenceNumber="1", streamSid=self.stream, mark=event["mark"])


def hears_it(lab):
    caller = Caller(lab)
    assert caller.listen() == 1000
    whole = clip("sorry") + clip("later")
    assert len(whole) > 5 * 8000, len(whole)
    assert caller.audio.endswith(whole), (len(caller.audio), len(whole))
    rows = labs.until("its record", 20, lambda: lab.sql(
        f"select cause from call where sid = '{caller.call}' and state = 2"))[0]
    assert int(rows[0][0]) == 10, rows  # ai_lost
    return caller


def a_key_that_is_not_taken():
    with calls.system("--bearer", "another") as lab:  # 401
        caller = hears_it(lab)
        assert caller.audio == clip("sorry") + clip("later")  # at once: no tone before it


def an_ai_that_refuses():
    with calls.system("--play", "refuse=503", config="kinds\n    call_session\n        give_up_s = 2\n") as lab:
        hears_it(lab)


def an_ai_that_is_not_there():
    with calls.system(config="kinds\n    call_session\n        give_up_s = 2\n", away=True) as lab:
        hears_it(lab)


if __name__ == "__main__":
    labs.main(a_key_that_is_not_taken, an_ai_that_refuses, an_ai_that_is_not_there)
