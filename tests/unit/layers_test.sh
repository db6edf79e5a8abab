#!/bin/sh
# The layer check sees what it is there to see: a tree with one offence of each kind, and one with none.
set -eu
check=$(cd "$(dirname "$0")" && pwd)/layers.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# plant FILE LINE: a file with this one include on its second line
plant() {
	mkdir -p "$dir/$(dirname "$1")"
	printf '/* x */\n%s\n' "$2" >"$dir/$1"
}

plant proto/a.c '#include "bus/loop.h"'
plant bus/b.c '#include <uv.h>'
plant bus/loop.c '#include <uv.h>'
plant actors/dedupe/c.c '#include "actors/queue/queue.h"'
plant actors/dedupe/fine.c '#include "actors/actor.h"'
plant actors/dedupe/own.c '#include "actors/dedupe/own.h"'
plant gateway/d.c '#include "persistence/pg.h"'
plant persistence/e.c '#include <libpq-fe.h>'
plant persistence/pg.c '#include <libpq-fe.h>'
plant tools/f.c '#include "f.h"'
plant tools/g.c '#include <glib.h>'
plant tools/h.c '#	include <sys/socket.h>'
plant tests/i.c '#include <jansson.h>'

cat >"$dir/expected" <<'END'
actors/dedupe/c.c:2
bus/b.c:2
gateway/d.c:2
persistence/e.c:2
proto/a.c:2
tools/f.c:2
tools/g.c:2
END
if sh "$check" "$dir" >"$dir/found"; then
	echo "a bad tree was called good"
	exit 1
fi
cut -d: -f1,2 "$dir/found" | LC_ALL=C sort | diff "$dir/expected" - || exit 1

while IFS=: read -r file line; do
	rm "$dir/$file"
done <"$dir/expected"
sh "$check" "$dir"
