#!/bin/sh
# layers — reads every #include line of the tree and holds it against design: includes go down only,
# actor folders never include each other, one foreign library has one door.
#
#   usage: layers.sh DIR      prints each offence as file:line: …, exits 1 if there is one
set -eu
cd "$1"

find proto bus actors gateway persistence tools tests -name '*.[ch]' -type f 2>/dev/null | LC_ALL=C sort |
	xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include' /dev/null |
	awk '
BEGIN {
	# A room may include itself and the rooms below it; gateway and persistence never see each other.
	below["proto"] = "proto"
	below["bus"] = "proto bus"
	below["actors"] = "proto bus actors"
	below["gateway"] = "proto bus actors gateway"
	below["persistence"] = "proto bus actors persistence"
	below["tools"] = "proto bus actors gateway persistence tools"
	below["tests"] = "proto bus actors gateway persistence tools tests"

	# Foreign headers and the files that may include them. Tests may hold anything against its oracle.
	door["zmq[.]h"] = "^bus/(link|topic|key|hub|zap|auth)[a-z_]*[.][ch]$"
	door["czmq[.]h"] = "^bus/(link|topic|key|hub|zap|auth)[a-z_]*[.][ch]$"
	door["uv[.]h"] = "^bus/loop[.]c$"
	door["libpq-fe[.]h"] = "^persistence/pg[.]c$"
	door["libwebsockets[.]h"] = "^gateway/lws[.]c$"
	door["wslay/wslay[.]h"] = "^tools/plug/plug_ws[.]c$"
	door["curl/curl[.]h"] = "^actors/fetch/"
	door["openssl/.*[.]h"] = "^(proto/(digest|seal)[.]c|gateway/(lws|tls)[.]c|tools/plug/tls[.]c)$"
	door["sodium[.]h"] = "^(bus/keys|proto/digest|gateway/password)[.]c$"
	door["msgpack[.]h"] = "^proto/[a-z_]*[.]c$"
	door["utf8proc[.]h"] = "^(proto|gateway|actors)/"
	door["seccomp[.]h"] = "^actors/runtime/|^actors/port"
	door["jansson[.]h"] = "^tests/"
	door["cmocka[.]h"] = "^tests/"

	# What libc and the kernel bring: anything else in <> is a library without a door.
	system_header = "^((sys|linux|net|netinet|arpa|asm)/[a-z0-9_./-]+|assert|ctype|dirent|dlfcn|elf|endian|err|" \
		"errno|fcntl|fnmatch|getopt|glob|grp|ifaddrs|inttypes|libgen|limits|locale|malloc|math|mntent|netdb|poll|" \
		"pthread|pwd|regex|sched|search|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|" \
		"stdint|stdio|stdlib|stdnoreturn|string|strings|sysexits|syslog|termios|time|unistd|utime|wchar|" \
		"immintrin|x86intrin|execinfo|link|byteswap)[.]h$"
}

function offence(what) {
	printf "%s:%s: %s: %s\n", file, line, what, included
	bad = 1
}

{
	split($0, part, ":")
	file = part[1]
	line = part[2]
	room = file
	sub(/\/.*/, "", room)
}

/include[[:space:]]*</ {
	included = $0
	sub(/^[^<]*</, "", included)
	sub(/>.*/, "", included)
	if (included ~ system_header)
		next
	if (room == "tests")
		next
	for (header in door)
		if (included ~ "^" header "$") {
			if (file !~ door[header])
				offence("this library has another door (" door[header] ")")
			next
		}
	offence("a library without a door: give it one in tests/unit/layers.sh")
	next
}

/include[[:space:]]*"/ {
	included = $0
	sub(/^[^"]*"/, "", included)
	sub(/".*/, "", included)
	to = included
	sub(/\/.*/, "", to)
	if (!(to in below)) {
		offence("not written as \"room/file.h\"")
		next
	}
	if (index(" " below[room] " ", " " to " ") == 0) {
		offence(room " may not include from " to)
		next
	}
	# actors/KIND/… sees its own folder and the headers at the top of actors/, never another kind;
	# the files at the top bind the runtime to a process.
	if (room == "actors" || room == "gateway" || room == "persistence") {
		n = split(included, i, "/")
		top = split(file, f, "/") == 2 && room == "actors"
		if (to == "actors" && n > 2 && i[2] != f[2] && !(top && i[2] == "runtime"))
			offence("an actor folder of somebody else")
	}
	next
}

{
	included = $0
	offence("an #include that cannot be read")
}

END { exit bad }
'
