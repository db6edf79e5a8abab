"""A node is restarted under live calls: switchboard restart --drain lets them end, takes no new ones meanwhile,
and with two at the street door nobody on the telephone notices.
"""

import json
import os
import signal
import subprocess

import calls
import lab as labs


def playing(lab, *args):
    return subprocess.Popen([calls.switchboard, "load", "calls", "--state", lab.state, "--account", calls.ACCOUNT,
                             "--json", *args], stdout=subprocess.PIPE, text=True)


def told_by(load):
    out, _ = load.communicate(timeout=120)
    return json.loads(out)


def restart(lab, *args):
    return subprocess.Popen([calls.switchboard, "restart", *args, "--drain", "--state", lab.state],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def streets(lab):
    return {name: pid for name, pid in lab.processes().items() if name.startswith("street.")}


def one_street(lab):
    lab.ask("scale", "street=1")
    labs.until("one street", 30, lambda: len(streets(lab)) == 1 and lab.all_up())


def a_rolling_restart_drops_nothing():
    """Calls begin and end all the while; each is whole, and each frame of each came back."""
    with calls.system() as lab:
        before = streets(lab)
        assert len(before) == 2, before
        load = playing(lab, "--n", "40", "--seconds", "4", "--ramp", "4", "--auth-token", calls.TOKEN)
        labs.until("calls are live", 30, lambda: calls.calls_in_table(lab, "state = 1") >= 4)
        drain = restart(lab, "street")
        _, words = drain.communicate(timeout=100)
        assert drain.returncode == 0, words
        assert "calls left" in words and "up again" in words, words
        after = streets(lab)
        assert all(after[name] != pid for name, pid in before.items()), (before, after)
        told = told_by(load)
        assert told["exact"] and told["ended"] == 40 and not told["cut"], told
        labs.until("each has its end, by the caller", 30,
                   lambda: calls.calls_in_table(lab, "state = 2 and cause = 1") == 40)
        assert calls.calls_in_table(lab) == 40


def alone_it_refuses_and_says_so():
    with calls.system() as lab:
        one_street(lab)
        before = streets(lab)
        load = playing(lab, "--n", "5", "--seconds", "8", "--ramp", "100", "--auth-token", calls.TOKEN)
        labs.until("five calls live", 30, lambda: calls.calls_in_table(lab, "state = 1") == 5)
        drain = restart(lab, "street#1")
        assert "calls left" in drain.stderr.readline()
        drain.send_signal(signal.SIGINT)  # the command ends, the drain does not
        assert "the drain goes on" in drain.communicate(timeout=20)[1]
        assert drain.returncode == 128 + signal.SIGINT, drain.returncode
        state = lab.children()["street.1"]
        assert state["state"] == "draining" and state["calls"] == 5, state
        late = calls.load(lab, "--n", "3", "--seconds", "1", "--ramp", "100", "--may-refuse", "--auth-token",
                          calls.TOKEN)
        assert late["refused"] == 3, late
        told = told_by(load)
        assert told["exact"] and told["ended"] == 5 and not told["cut"], told
        labs.until("another process, and up", 60,
                   lambda: lab.all_up() and streets(lab).get("street.1") not in (None, before["street.1"]))
        assert calls.calls_in_table(lab, "state = 2 and cause = 1") == 5
        assert calls.load(lab, "--n", "2", "--seconds", "1", "--auth-token", calls.TOKEN)["exact"]


def who_does_not_end_is_ended():
    with calls.system() as lab:
        one_street(lab)
        load = playing(lab, "--n", "3", "--seconds", "60", "--ramp", "100", "--auth-token", calls.TOKEN)
        labs.until("three calls live", 30, lambda: calls.calls_in_table(lab, "state = 1") == 3)
        drain = restart(lab, "street.1", "--within", "2")
        _, words = drain.communicate(timeout=60)
        assert drain.returncode == 0, words
        assert calls.calls_in_table(lab, "state = 2 and cause = 11") == 3  # drained: by its own session
        assert told_by(load)["cut"] == 3


if __name__ == "__main__":
    labs.main(a_rolling_restart_drops_nothing, alone_it_refuses_and_says_so, who_does_not_end_is_ended)
