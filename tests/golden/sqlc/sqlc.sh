#!/bin/sh
# sqlc.sh SQLC [update] — what sqlc writes for two small files is what was agreed (small.expect), and
# each broken file fails with the agreed words at the agreed line.
set -u
here=$(cd "$(dirname "$0")" && pwd)
sqlc=$(realpath "$1")
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
failed=0

# broken NAME.sql 'LINE: WORDS' < text
broken() {
	rm -rf "$made/one" && mkdir "$made/one"
	cat > "$made/one/$1"
	said=$(cd "$made/one" && "$sqlc" x a.c b.c "$1" 2>&1)
	status=$?
	if [ $status -ne 1 ] || [ "$said" != "$1:$2" ]; then
		printf 'expected %s:%s\n     got %s (status %s)\n' "$1" "$2" "$said" "$status"
		failed=1
	fi
}

broken stock_nothing.sql "1: no message is called 'stock_nothing'" <<E
-- read
select 1
E
broken stock_added.sql "1: stock.added has no reply (-> in its declaration)" <<E
-- read
select 1
E
broken stock_add.sql "2: says neither or both of '-- read' and '-- write'" <<E
-- Prose alone.
select 1
E
broken stock_add.sql "3: says neither or both of '-- read' and '-- write'" <<E
-- read
-- write
select 1
E
broken stock_add.sql "2: 'raed' is no header line" <<E
-- write
-- raed
select 1
E
broken stock_add.sql "2: timeout: '5' is not like 500ms or 2s, up to 600s" <<E
-- write
-- timeout 5
select 1
E
broken stock_add.sql "2: none: 'NOTHING' is no error of proto/err.def" <<E
-- write
-- none NOTHING
select 1
E
broken stock_add.sql "4: :nothing is no field of stock.add" <<E
-- write
select 'a :string', "a :name", \$\$ :dollars \$\$, \$t\$ :tagged \$ \$t\$ -- a :comment
/* a :comment */ , :key, E'it\\'s :quoted', a::text, a[1:2]
  from x where y = :nothing
E
broken stock_add.sql "2: a quote or comment that starts here never ends" <<E
-- write
select 'open
E
broken stock_add.sql "3: one statement in a file" <<E
-- write
select 1
; select 2
E
broken stock_add.sql "3: there is no statement" <<E
-- write
-- Nothing but prose, and a comment.
E
broken stock_every.sql "2: :pair is a record: say :pair.member" <<E
-- read
select :pair
E
broken stock_every.sql "2: :pair.nothing is no member of stock.pair" <<E
-- read
select :pair.nothing
E
broken stock_put.sql "2: bulk: 'lease' is no list of records of stock.put" <<E
-- write
-- bulk lease
select :ord
E
broken stock_lists.sql "2: bulk: stock.listed has no list of records" <<E
-- write
-- bulk pairs
select :ord
E
broken stock_put.sql "2: bulk: the statement does not use :ord" <<E
-- write
-- bulk rows
select :rows.key
E
broken stock_put.sql "2: :ord is no field of stock.put" <<E
-- write
select :ord
E
mkdir "$made/dir" && cd "$made/dir" || exit 1
printf -- '-- write\nselect 1\n' > stock_add.sql
cp stock_add.sql stock_nap.sql
said=$("$sqlc" x a.c b.c stock_add.sql 2>&1) && failed=1
[ "$said" = "stock_nap.sql:1: is not in meson.build" ] || { echo "forgotten file: $said"; failed=1; }
rm stock_nap.sql
echo 'select 1' > 0002_two.sql
said=$("$sqlc" x a.c b.c stock_add.sql 0002_two.sql 2>&1) && failed=1
[ "$said" = "0002_two.sql:1: its number should be 0001" ] || { echo "hole: $said"; failed=1; }

mkdir "$made/small" && cp "$here"/small/*.sql "$made/small" && cd "$made/small" || exit 1
"$sqlc" small a.c b.c ./*.sql || failed=1
cat a.c b.c > "$made/small.expect"
if [ "${2:-}" = update ]; then
	cp "$made/small.expect" "$here/small.expect"
	exit 0
fi
diff -u "$here/small.expect" "$made/small.expect" || failed=1
exit $failed
