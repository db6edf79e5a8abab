"""budget.py: two gateways share the door, and an API key has one budget at both.

budget.py SWITCHBOARD
"""

import sys
import time

from lab import Lab, main

RATE, BURST, SECONDS = 40, 20, 3
lab = Lab(sys.argv[1], config=f"""\
kinds
    gateway
        key_rate = {RATE}
        key_burst = {BURST}
""")



def a_key_has_one_budget_at_both_doors():
    lab.ask("business", "add", "acme")
    key = lab.ask("key", "add", "--business", "acme", "--scope", "messages.read")["key"]
    start, passed, refused = time.monotonic(), 0, 0
    while time.monotonic() - start < SECONDS:  # a connection each: the doors take turns
        status, _ = lab.api("GET", "/api/whatsapp/messages", key=key)
        assert status in (200, 429), status
        passed += status == 200
        refused += status == 429
    took = time.monotonic() - start
    fair = BURST + RATE * took
    print(f"passed {passed}, refused {refused}, one budget is {fair:.0f}")
    assert refused, "never refused: the test asks too slowly to say anything"
    assert passed <= fair * 1.1 + BURST, (passed, fair)  # one burst more, before each has heard
    assert passed >= fair * 0.8, (passed, fair)


with lab:
    main(a_key_has_one_budget_at_both_doors)
