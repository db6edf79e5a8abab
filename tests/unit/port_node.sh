#!/bin/sh
# Run PROGRAM with an actor in Node.js from a folder that another user may read: the tree need not be one.
# port_node.sh PROGRAM PLAYER MESSAGES JS…
set -eu
program=$1 player=$2 messages=$3
shift 3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$player" "$@" "$folder"
cp "$messages" "$folder/messages.mjs"
chmod -R a+rX "$folder"
"$program" "player=node $folder/$(basename "$player");read=$folder;data=2000;files=256;processes=4000"
