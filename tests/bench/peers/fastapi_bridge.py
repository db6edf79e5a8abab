"""A call bridge as FastAPI services have it: uvicorn, one task each way, JSON parsed and written.
It holds the caller's audio until session.updated, so that it can be exact.

    fastapi_bridge.py AI_PORT        prints its own port; Debian's python3-fastapi, -uvicorn, -websockets
"""

import asyncio
import json
import socket
import sys

import uvicorn
import websockets
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

AI = f"ws://127.0.0.1:{sys.argv[1]}/v1/realtime?model=gpt-realtime"
PCMU = {"format": {"type": "audio/pcmu"}}
SESSION = {"type": "realtime", "audio": {"input": PCMU, "output": PCMU}}
app = FastAPI()


async def from_carrier(carrier, far, call):
    async for text in carrier.iter_text():
        message = json.loads(text)
        if message["event"] == "start":
            call["stream"] = message["start"]["streamSid"]
        elif message["event"] == "media":
            await call["ready"].wait()
            await far.send(json.dumps({"type": "input_audio_buffer.append", "audio": message["media"]["payload"]}))
        elif message["event"] == "stop":
            return


async def from_ai(carrier, far, call):
    async for text in far:
        event = json.loads(text)
        if event["type"] == "session.created":
            await far.send(json.dumps({"type": "session.update", "session": SESSION}))
        elif event["type"] == "session.updated":
            call["ready"].set()
        elif event["type"] == "response.output_audio.delta":
            await carrier.send_text(json.dumps({"event": "media", "streamSid": call["stream"],
                                                "media": {"payload": event["delta"]}}))


@app.websocket("/ws/twilio-media")
async def media(carrier: WebSocket):
    await carrier.accept()
    call = {"stream": None, "ready": asyncio.Event()}
    try:
        async with websockets.connect(AI, extra_headers={"Authorization": "Bearer sk-test"}) as far:
            tasks = [asyncio.create_task(f(carrier, far, call)) for f in (from_carrier, from_ai)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
    except (WebSocketDisconnect, websockets.ConnectionClosed, OSError):
        pass


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(4096)
print(f"listening 127.0.0.1:{listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error", backlog=4096)).run(sockets=[listener])
