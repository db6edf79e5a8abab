#!/bin/sh
# golden.sh MSGC — what msgc writes for small.msg is what was agreed, and each broken schema fails
# with the agreed words at the agreed lines. After a wanted change: golden.sh MSGC update, and read
# the difference before it is committed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
msgc=$(realpath "$1")
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
failed=0

cd "$here" || exit 1
mkdir "$made/small"
"$msgc" --out "$made/small" small.msg || failed=1

cd "$here/broken" || exit 1
for f in *.msg; do
	"$msgc" --out "$made" "$f" 2>&1
	status=$?
	[ $status -eq 1 ] || echo "$f: ended with $status, not 1"
done > "$made/broken.expect"
"$msgc" --out "$made/none" "$here/small.msg" 2> /dev/null && { echo "a missing folder went unseen"; failed=1; }

if [ "${2:-}" = update ]; then
	cp "$made/small/"* "$here/small/"
	cp "$made/broken.expect" "$here/broken.expect"
	exit 0
fi
diff -ru "$here/small" "$made/small" || failed=1
diff -u "$here/broken.expect" "$made/broken.expect" || failed=1
exit $failed
