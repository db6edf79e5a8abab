"""sealed.py: secrets are sealed at rest, and keys change; text that PostgreSQL cannot hold is stored all the same.

sealed.py SWITCHBOARD
"""

import os
import sys
import time

from lab import Lab, main, text

OLD, NEW = "ab" * 32, "cd" * 32
lab = Lab(sys.argv[1])


def posts(connector, id):
    return lab.webhook(connector, [text(id, f"text of {id}", at=int(time.time()))])


def column():
    return [row[0] for row in lab.sql("select secret from switchboard.connector order by id")]


def again_with(**environment):
    assert lab.stop() == 0
    for name in ("ENCRYPTION_KEY",):
        lab.env.pop(name, None)
        os.environ.pop(name, None)
    lab.env.update(environment)
    os.environ.update(environment)  # the commands' too
    lab.start()


def the_key_is_made_and_ours_alone():
    path = os.path.join(lab.state, "encryption.key")
    assert os.stat(path).st_mode & 0o777 == 0o600
    key = open(path).read().strip()
    assert len(bytes.fromhex(key)) == 32
    for folder in (f"/proc/{pid}" for pid in lab.processes().values()):
        for name in ("cmdline", "environ"):
            assert key.encode() not in open(f"{folder}/{name}", "rb").read(), (folder, name)


def the_database_holds_no_secret():
    global acme
    acme = lab.ask("connector", "add", "--business", "acme", "--kind", "baileys")
    assert posts(acme, "A1")[0] == 200
    assert all(c.startswith("v1:") and acme["secret"] not in c for c in column()), column()


def a_secret_moved_to_another_business_opens_nothing():
    other = lab.ask("connector", "add", "--business", "other", "--kind", "baileys")
    stored = column()
    lab.sql(f"update switchboard.connector set secret = '{stored[0]}' where id = {other['id']}")
    assert lab.webhook({**other, "secret": acme["secret"]}, [text("M1", "x")])[0] == 503
    lab.sql(f"update switchboard.connector set secret = '{stored[1]}' where id = {other['id']}")
    assert posts(other, "M2")[0] == 200


def what_is_older_than_seals_is_taken_and_then_sealed():
    plain = "0123456789abcdef0123456789abcdef"
    lab.sql("insert into switchboard.connector (business_id, kind, label, secret)"
            f" select business_id, 'baileys', 'old', '{plain}' from switchboard.connector where id = {acme['id']}")
    number = int(lab.sql("select max(id) from switchboard.connector")[0][0])
    old = {"id": number, "secret": plain}
    assert posts(old, "P1")[0] == 200
    assert lab.ask("connector", "reseal") == {"sealed": 1, "kept": 2}
    assert all(c.startswith("v1:") for c in column()), column()
    assert posts(old, "P2")[0] == 200


def keys_change_while_both_are_known():
    made = open(os.path.join(lab.state, "encryption.key")).read().strip()
    again_with(ENCRYPTION_KEY=f"{NEW},{made}")
    assert posts(acme, "K1")[0] == 200
    assert lab.ask("connector", "reseal") == {"sealed": 3, "kept": 0}
    again_with(ENCRYPTION_KEY=NEW)
    assert posts(acme, "K2")[0] == 200
    again_with(ENCRYPTION_KEY=OLD)
    assert posts(acme, "K3")[0] == 503  # to be sent again, once the right key is back
    assert any("secret_sealed" in line and "err=MISSING" in line for line in lab.lines)
    again_with(ENCRYPTION_KEY=NEW)
    assert posts(acme, "K3")[0] == 200


def a_key_that_is_none_is_told_at_once():
    assert lab.stop() == 0
    lab.env["ENCRYPTION_KEY"] = "secret"
    try:
        lab.start()
        assert False, "up took a key that is none"
    except AssertionError as e:
        assert "ended before" in str(e), e
    assert any("64 hex digits" in line for line in lab.lines), lab.lines
    assert lab.process.wait(10) != 0
    lab.env["ENCRYPTION_KEY"] = NEW
    lab.start()


def text_that_postgres_cannot_hold_is_stored():
    """U+0000 goes, half a surrogate pair becomes U+FFFD; counted once, never refused for ever."""
    now = int(time.time())
    odd = [text("U1", "a\0b", at=now), text("U2", "half \ud800 pair", at=now + 20), text("U3\0", "id", at=now + 40)]
    status, body = lab.webhook(acme, odd)
    assert (status, body["accepted"], body["rejected"]) == (200, 3, 0), body
    status, body = lab.webhook(acme, odd)
    assert (status, body["duplicates"]) == (200, 3), body
    rows = lab.sql("select provider_id, body from switchboard.wa_message where provider_id like 'U%' order by 1")
    assert rows == [["U1", "ab"], ["U2", "half \ufffd pair"], ["U3", "id"]], rows


with lab:
    main(the_key_is_made_and_ours_alone, the_database_holds_no_secret,
         a_secret_moved_to_another_business_opens_nothing, what_is_older_than_seals_is_taken_and_then_sealed,
         keys_change_while_both_are_known, a_key_that_is_none_is_told_at_once,
         text_that_postgres_cannot_hold_is_stored)
