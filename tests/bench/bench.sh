#!/bin/sh
# bench.sh BINARY — switchboard bench measures, compares, and says so in both forms; what is not there
# is named and not left out.
set -eu
bin=$1
rows=$("$bin" bench --json --rounds 2 --ms 2 ping-pong-usual 'fan-in-u*' ask)
echo "$rows" | jq -es '
	length == 3
	and all(.[]; .figure > 0 and .least <= .figure and .figure <= .most and .rounds == 2)
	and all(.[].beside[]; .figure > 0 and .ratio > 0)
	and (.[0].beside[1] | .goal == 0.4 and .verdict == (if .ratio >= .goal then "met" else "not_met" end))
' >/dev/null
between=$(PATH=/nowhere "$bin" bench --json --rounds 1 --ms 2 'trip-*' 'one-way-*' fan-out)
echo "$between" | jq -es 'length == 6 and all(.[]; .figure > 0)' >/dev/null
PATH=/nowhere "$bin" bench --rounds 1 --ms 1 supervised | grep -q 'Erlang/OTP .*not installed'
"$bin" bench --list | grep -q '^ring-10000 '
! "$bin" bench nosuch 2>/dev/null

# Phone calls by the bare bridge, which is always there: exact, its cost counted, the goals named.
calls=$("$bin" bench calls --json --seconds 3 --only 'bare*' 5 10)
echo "$calls" | jq -es '
	(map(select(.calls)) | length == 2 and all(.[]; .exact and .server == "bare C bridge" and .p50_ms > 0))
	and (map(select(.what)) | length > 5 and all(.[]; .verdict == "failed" or .figure > 0))
' >/dev/null
! "$bin" bench calls 10 5 2>/dev/null
