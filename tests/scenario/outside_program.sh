#!/bin/sh
# outside_program — a stranger's actors: README's own words build and run one; two programs whose messages the
# hub does not know speak with each other, and all that is left behind is nothing.
#
#   usage: outside_program.sh SWITCHBOARD BUILD PREFIX SANITIZE CC …
set -u
here=$(realpath "$(dirname "$0")")
. "$here/system.sh"
. "$here/installed.sh"
cd work || exit 1

bash "$here/tutorial.sh" "$here/../../actors/README.md" 'An actor as a program of your own' || exit 1

# shellcheck disable=SC2046 # words
cc -o guest "$here/outside/guest.c" proto/*.c -I. $(pkg-config --cflags --libs switchboard) -ljansson || exit 1

# What others may call theirs is not said by the library.
clash=$(nm -g --defined-only "$(find "$root" -name libswitchboard.a)" | awk '{ print $3 }' |
	grep -vE '^(actor|blob|loop|msg|proto)_|_desc$|_enum$|^err_info$|^program_main$' | grep . | sed 1q)
[ -z "$clash" ] || complain "libswitchboard.a says $clash to the world"

hub
begin guest ' joined$' ./guest --bus "$bus"
begin greeter ' joined$' ./greeter --bus "$bus"
line guest.log 'heard json=\{"text":"hello Guest"\}' "$(pid_of guest)"
begin second ' joined$' ./guest --bus "$bus" # the first one hears it from afar, by the hub
line second.log 'heard json=' "$(pid_of second)"
line guest.log 'told text="hello Guest"' "$(pid_of guest)"
for name in second greeter guest hub; do
	end $name || complain "$name ended with $?"
done

# A command line that is not understood, and a system that is not there.
try 2 '' 'unrecognized option' ./greeter --buss x
try 2 '' 'one word too many' ./greeter more
try 2 '' 'neither tcp://HOST:PORT nor ipc://PATH' ./greeter --bus /tmp/x
try 2 '' 'no such setting here' ./greeter --set greeter.x=1
try 2 '' 'wants to know who comes' ./greeter --bus tcp://127.0.0.1:9
try 3 '' 'nothing runs on' ./greeter
try 0 '^  greeter  *says hello, and counts$' '' ./greeter --help
exit $bad
