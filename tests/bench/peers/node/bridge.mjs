// A call bridge as the carriers' Node samples have it: one ws server, one ws client a call, JSON
// parsed and written. It holds the caller's audio until session.updated, so that it can be exact.
//
//   node bridge.mjs AI_PORT        prints its own port
import { WebSocketServer, WebSocket } from "ws";

const ai = `ws://127.0.0.1:${process.argv[2]}/v1/realtime?model=gpt-realtime`;
const pcmu = { format: { type: "audio/pcmu" } };
const session = { type: "realtime", audio: { input: pcmu, output: pcmu } };

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4096 }, () =>
	console.log(`listening 127.0.0.1:${server.address().port}`));

server.on("connection", (carrier) => {
	let streamSid;
	let ready = false;
	const held = [];
	const far = new WebSocket(ai, { headers: { Authorization: "Bearer sk-test" } });
	const append = (audio) => far.send(JSON.stringify({ type: "input_audio_buffer.append", audio }));

	carrier.on("message", (text) => {
		const message = JSON.parse(text);
		if (message.event === "start") streamSid = message.start.streamSid;
		else if (message.event !== "media") return;
		else if (ready) append(message.media.payload);
		else held.push(message.media.payload);
	});
	far.on("message", (text) => {
		const event = JSON.parse(text);
		if (event.type === "session.created") {
			far.send(JSON.stringify({ type: "session.update", session }));
		} else if (event.type === "session.updated") {
			ready = true;
			held.splice(0).forEach(append);
		} else if (event.type === "response.output_audio.delta") {
			carrier.send(JSON.stringify({ event: "media", streamSid, media: { payload: event.delta } }));
		}
	});
	carrier.on("close", () => far.close());
	carrier.on("error", () => far.close());
	far.on("close", () => carrier.close());
	far.on("error", () => carrier.close());
});
