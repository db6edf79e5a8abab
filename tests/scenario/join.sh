#!/bin/bash
# join — a node of another host: over tcp, with its key, and only as far as its key goes.
#
#   usage: join.sh SWITCHBOARD
set -u
. "$(dirname "$0")/system.sh"

# A port that nobody has now; the supervisor is asked for no other.
port=$((20000 + RANDOM % 20000))
while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
	port=$((port + 1))
done
hub=tcp://127.0.0.1:$port
cat >far.cfg <<END
bus
    listen = 127.0.0.1:$port
groups
    watch
        hosts = heartbeat
END
keys=$dir/st/keys

begin up '^ready' "$switchboard" up --state st --config far.cfg
"$switchboard" keys new north --host heartbeat --state st >/dev/null || complain "no key can be made"
"$switchboard" keys new ops --host cli --state st >/dev/null || complain "no key can be made"
"$switchboard" keys new alien --state other >/dev/null || complain "no key can be made elsewhere"
"$switchboard" keys new north --state st 2>err && complain "a name was given away twice"
grep -q 'there is a key north already' err || complain "a taken name is not explained: $(cat err)"
mode=$(stat -c %a "$keys/north.cert_secret")
[ "$mode" = 600 ] || complain "the secret has mode $mode"
case $("$switchboard" keys list --state st --json | jq -r .name | sort | tr '\n' ' ') in
"north ops supervisor watch.1 ") ;;
*) complain "keys list: $("$switchboard" keys list --state st)" ;;
esac
"$switchboard" keys list --state st | grep -q "$(sed -n 's/.*secret-key = "\(.*\)"/\1/p' "$keys/north.cert_secret")" &&
	complain "keys list shows a secret"

# With its key it joins, called after the key, and all of the system sees it.
begin north 'joined' "$switchboard" node --bus "$hub" --key "$keys/north.cert_secret" --host heartbeat
line up.log 'hub +joined node=north\.' "$(pid_of up)"

# Not for more than the key says, not under another name, not without one, not with a stranger's.
begin greedy 'not_let_in .*may not host dedupe' "$switchboard" node --bus "$hub" --key "$keys/north.cert_secret" --host dedupe
begin renamed 'not_let_in .*not for a node called south' \
	"$switchboard" node --bus "$hub" --key "$keys/north.cert_secret" --host heartbeat --name south
"$switchboard" node --bus "$hub" --host heartbeat 2>err && complain "joined over tcp without a key"
grep -q -- '--key FILE' err || complain "the missing key is not explained: $(cat err)"
"$switchboard" status --bus "$hub" --key other/keys/alien.cert_secret 2>err
[ $? = 77 ] || complain "a stranger's key was taken: $(cat err)"
grep -q 'the key of this node is not known here' err || complain "a stranger is not told why: $(cat err)"

# An operator's key asks from afar; a node's does not.
"$switchboard" status --bus "$hub" --key "$keys/ops.cert_secret" --json >out || complain "status from afar failed"
jq -e '.children[] | select(.name == "watch.1") | .state == "up"' out >/dev/null || complain "status from afar: $(cat out)"
"$switchboard" status --bus "$hub" --key "$keys/north.cert_secret" 2>err
[ $? = 77 ] || complain "a node's key gave orders: $(cat err)"

# Revoked, it is out within moments, hears why, and stays out; nobody else is.
"$switchboard" keys revoke north --state st || complain "cannot revoke"
line up.log 'hub +left node=north\.' "$(pid_of up)"
line north.log 'not_let_in .*the key of this node was revoked' "$(pid_of north)"
begin north_again 'not_let_in .*the key of this node is not known here' \
	"$switchboard" node --bus "$hub" --key "$keys/north.cert_secret" --host heartbeat --name north
[ "$(grep -c 'hub .*joined node=north\.' up.log)" = 1 ] || complain "a revoked key came in again"
grep 'hub .*left node=' up.log | grep -vE 'node=(north|ops)\.' && complain "others left, too"
"$switchboard" keys revoke north --state st 2>err
[ $? = 4 ] || complain "revoked twice"

end up || complain "up ended with $?"
exit "$bad"
