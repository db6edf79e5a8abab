#!/bin/sh
# outside — one archive for programs outside the tree, that says no name it need not say: json_object
# is also jansson's, and whoever links both must get both.
#
#   usage: outside.sh OUT.a LIBRARY.a …
#
# All becomes one object. Its public names are those of the headers that are installed; the registry
# of message types is weak, so that the one of a program with messages of its own takes its place.
set -eu
out=$1
shift
object=$(dirname "$out")/switchboard.o
ld -r -o "$object" --whole-archive "$@"
objcopy --wildcard \
	--keep-global-symbol='actor_*' --keep-global-symbol='msg_*' --keep-global-symbol='blob_*' \
	--keep-global-symbol='proto_*' --keep-global-symbol='err_info' --keep-global-symbol='loop_*' \
	--keep-global-symbol='program_main' --keep-global-symbol='*_desc' --keep-global-symbol='*_enum' \
	--weaken-symbol=proto_all --weaken-symbol=proto_all_n --weaken-symbol=proto_slots \
	--weaken-symbol=proto_sorted "$object"
rm -f "$out"
ar rcs "$out" "$object"
