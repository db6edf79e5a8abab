#!/bin/sh
# node_actor — an actor in Node.js behind a port, by README's own words, from installed files.
#
#   usage: node_actor.sh SWITCHBOARD BUILD PREFIX SANITIZE CC …
set -u
here=$(realpath "$(dirname "$0")")
. "$here/system.sh"
. "$here/installed.sh"
cd work || exit 1
awk '/^```/ { on = $2 == "greet.msg"; next } on' "$here/../../actors/README.md" >greet.msg
bash "$here/tutorial.sh" "$here/../../actors/README.md" 'An actor in Node.js'
