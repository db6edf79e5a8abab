"""Phone calls through the whole system: the carrier and the AI are stand-ins, everything between is real.

Every frame of audio carries identity, sequence, time and a checksum (switchboard load calls), so what is
lost, twice, changed, late or of another call is seen; what the store keeps is compared with what was played.
"""

import contextlib
import json
import os
import subprocess
import sys

import lab as labs

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "0123456789abcdef0123456789abcdef"
STREAM = "a-fixed-stream-token"
switchboard = os.path.abspath(sys.argv[1])


@contextlib.contextmanager
def speech_ai(*args):
    sim = subprocess.Popen([switchboard, "sim", "realtime", "--within", "200", "--quiet", *args],
                           stdout=subprocess.PIPE, text=True)
    try:
        yield sim.stdout.readline().split()[1]
    finally:
        sim.terminate()
        sim.wait(20)
        sim.stdout.close()


@contextlib.contextmanager
def system(*play, config=None, away=False):
    # A machine that is busy with other tests is no reason to refuse calls here.
    config = config or "kinds\n    call_desk\n        late_ms = 1000\n"
    with speech_ai(*play) as ai:
        if away:
            ai = f"127.0.0.1:{labs.free_port()}"  # nobody listens there
        env = {"REALTIME_URL": f"ws://{ai}/v1/realtime", "OPENAI_API_KEY": "sk-test"}
        with labs.Lab(switchboard, config=config, env=env) as lab:
            token = os.path.join(lab.folder, "token")
            with open(token, "w") as f:
                f.write(TOKEN)
            lab.ask("connector", "add", "--business", "acme", "--kind", "twilio", "--account", ACCOUNT,
                    "--auth-token-file", token, "--stream-token", STREAM)
            yield lab


def load(lab, *args, code=0):
    got = subprocess.run([switchboard, "load", "calls", "--state", lab.state, "--account", ACCOUNT, "--json",
                          *args], capture_output=True, text=True, timeout=120)
    assert got.returncode == code, (got.returncode, got.stdout[-2000:], got.stderr[-2000:])
    return json.loads(got.stdout)


def number(lab, what, condition="true", table="call"):
    return int(lab.sql(f"select {what} from {table} where {condition}")[0][0] or 0)


def calls_in_table(lab, condition="true"):
    return number(lab, "count(*)", condition)


def every_frame_comes_back():
    with system() as lab:
        told = load(lab, "--n", "20", "--seconds", "4", "--auth-token", TOKEN)
        assert told["exact"] and told["ended"] == 20, told
        labs.until("20 rows, all ended by the caller", 10,
                   lambda: calls_in_table(lab, "state = 2 and cause = 1") == 20)
        # by the load's count, by the session's, in the table
        frames = number(lab, "sum((counts->>'frames_in')::int)")
        assert frames == 20 * 4 * 50, frames
        assert number(lab, "sum(dropped)") == 0
        assert number(lab, "count(*)", table="lead") >= 1


def a_fixed_token_opens_a_stream_from_here():
    with system() as lab:
        assert load(lab, "--n", "2", "--seconds", "2", "--stream-token", STREAM)["exact"]
        load(lab, "--n", "1", "--seconds", "1", "--stream-token", "another-token-altogether", code=1)
        load(lab, "--n", "1", "--seconds", "1", "--auth-token", TOKEN[::-1], code=1)  # 403


def ghosts_are_cut_and_reach_no_ai():
    with system() as lab:
        told = load(lab, "--n", "6", "--seconds", "7", "--ghosts", "50", "--stream-token", STREAM)
        assert told["exact"], told
        assert calls_in_table(lab) == 6 - told["ghosts"], told
        metrics = lab.http("GET", "/metrics")[1]
        text = metrics if isinstance(metrics, str) else metrics.decode()
        assert "wire_ghosts_total" in text, text[:400]


def too_many_are_refused_at_once():
    config = "kinds\n    call_desk\n        business_most = 8\n        late_ms = 1000\n"
    with system(config=config) as lab:
        told = load(lab, "--n", "30", "--seconds", "3", "--ramp", "600", "--may-refuse", "--auth-token", TOKEN)
        assert told["exact"] and told["refused"] >= 30 - 16 and told["ended"] >= 8, told
        labs.until("refused calls are rows, too", 10,
                   lambda: calls_in_table(lab, "state = 3") == told["refused"])


def a_node_that_is_killed_loses_its_calls_with_a_record():
    with system() as lab:
        load_of = subprocess.Popen([switchboard, "load", "calls", "--state", lab.state, "--account", ACCOUNT,
                                    "--stream-token", STREAM, "--n", "10", "--seconds", "6", "--ramp", "100",
                                    "--json"], stdout=subprocess.PIPE, text=True)
        labs.until("ten calls live", 20, lambda: calls_in_table(lab, "state = 1") == 10)
        os.kill(lab.processes()["street.1"], 9)
        out, _ = load_of.communicate(timeout=60)
        told = json.loads(out)
        assert told["ended"] + told["cut"] == 10, told
        # those of the other node were not touched; the lost ones get their end from whoever sweeps
        labs.until("every call has one end", 60, lambda: calls_in_table(lab, "state = 2") == 10, pause=0.5)
        assert calls_in_table(lab, "cause = 12") == told["cut"], told
        assert calls_in_table(lab, "cause = 1") == told["ended"], told


if __name__ == "__main__":
    labs.main(every_frame_comes_back, a_fixed_token_opens_a_stream_from_here, ghosts_are_cut_and_reach_no_ai,
              too_many_are_refused_at_once, a_node_that_is_killed_loses_its_calls_with_a_record)
