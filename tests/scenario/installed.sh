# installed.sh — to be sourced behind system.sh: what `meson install` brings, in a folder, as a stranger would
# have it: PATH, pkg-config, and a cc that makes what the tree's build makes (sanitizers included).
#
#   SWITCHBOARD BUILD PREFIX SANITIZE CC …
build=$2 prefix=$3 sanitize=$4
shift 4
chmod 0755 "$dir"
mkdir "$dir/system" "$dir/bin" "$dir/work"
meson install -C "$build" --no-rebuild --destdir "$dir/system" >install.log 2>&1 || { cat install.log; exit 1; }
root=$dir/system$prefix
real=$(command -v pkg-config)
compiler=$(command -v "$1") # before ours stands in PATH
shift
printf '#!/bin/sh\nexec %s --define-variable=prefix=%s "$@"\n' "$real" "$root" >bin/pkg-config
[ "$sanitize" = none ] && sanitize= || sanitize=-fsanitize=$sanitize
printf '#!/bin/sh\nexec %s %s -Wall -Wextra -Werror "$@"\n' "$compiler $*" "$sanitize" >bin/cc
chmod +x bin/*
PATH=$dir/bin:$root/bin:$PATH
PKG_CONFIG_PATH=$(dirname "$(find "$root" -name switchboard.pc)")
export PATH PKG_CONFIG_PATH
