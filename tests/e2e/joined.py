"""joined.py: a second host, a network namespace of its own, joins over CURVE, takes its share of the
conversations, and is lost in the middle of a flood: the counts stay exact.

joined.py SWITCHBOARD
"""

import json
import os
import signal
import subprocess
import sys

from lab import Lab, main, until

NEAR, FAR = f"sb-home-{os.getpid()}", f"sb-away-{os.getpid()}"
HOME, AWAY = "10.78.0.1", "10.78.0.2"


def inside(space, *command):
    return ["nsenter", f"--net=/run/netns/{space}", *command]


def shell(*command):
    subprocess.run(command, check=True)


def open_spaces():
    for space in (NEAR, FAR):
        shell("ip", "netns", "add", space)
    shell("ip", "link", "add", "v0", "netns", NEAR, "type", "veth", "peer", "name", "v0", "netns", FAR)
    for space, address in ((NEAR, HOME), (FAR, AWAY)):
        shell(*inside(space, "ip", "addr", "add", f"{address}/24", "dev", "v0"))
        for device in ("lo", "v0"):
            shell(*inside(space, "ip", "link", "set", device, "up"))


def close_spaces():
    for space in (NEAR, FAR):
        subprocess.run(["ip", "netns", "del", space], check=False, stderr=subprocess.DEVNULL)


def entries():
    """What the heartbeat knows of each node."""
    page = lab.ask("call", "heartbeat", "beat.list{}")
    return {e["name"]: e for e in page["entries"]}


def join(name, key):
    return subprocess.Popen(
        inside(FAR, lab.switchboard, "node", "--name", name, "--bus", f"tcp://{HOME}:7700", "--key", key,
               "--host", "dedupe", "--address", AWAY),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def flood(messages, seed):
    return subprocess.Popen(
        [lab.switchboard, "load", "whatsapp", "--state", lab.state, "--n", str(messages), "--dup-exact", "20",
         "--dup-concurrent", "10", "--dup-newid", "5", "--seed", str(seed), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def verdict(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, f"{process.returncode}\n{out}{err}"
    print(f"       {out.splitlines()[-1]}")


def a_second_host_takes_its_share():
    lab.key = os.path.join(lab.state, "keys", "away.cert_secret")
    lab.run("keys", "new", "away", "--host", "dedupe")
    lab.far = join("away", lab.key)
    until("the far node", 20, lambda: "away" in entries())
    verdict(flood(20000, 1))
    until("its share", 20, lambda: entries()["away"]["handled"] > 1000)


def it_is_lost_in_a_flood():
    before = entries()["away"]["handled"]
    sender = flood(30000, 2)
    until("its share", 30, lambda: entries()["away"]["handled"] > before + 100)
    lab.far.send_signal(signal.SIGKILL)
    lab.far.wait()
    verdict(sender)


def a_key_of_another_system_is_refused():
    other = os.path.join(lab.folder, "other")
    subprocess.run([lab.switchboard, "keys", "new", "away", "--state", other, "--json"], check=True,
                   stdout=subprocess.DEVNULL)
    stranger = join("away", os.path.join(other, "keys", "away.cert_secret"))
    try:
        stranger.wait(5)  # it may give up, or keep asking; it is never let in
    except subprocess.TimeoutExpired:
        pass
    finally:
        stranger.kill()
        stranger.wait()
    joined = sum("joined node=away" in line for line in lab.lines)
    assert joined == 1, joined


if len(sys.argv) == 2:
    try:
        open_spaces()
        code = subprocess.run(inside(NEAR, sys.executable, *sys.argv, "inside", str(os.getpid()))).returncode
    finally:
        close_spaces()
    sys.exit(code)

NEAR, FAR = f"sb-home-{sys.argv[3]}", f"sb-away-{sys.argv[3]}"
lab = Lab(sys.argv[1], config=f"bus\n    listen = {HOME}:7700\n")
with lab:
    main(a_second_host_takes_its_share, it_is_lost_in_a_flood, a_key_of_another_system_is_refused)
