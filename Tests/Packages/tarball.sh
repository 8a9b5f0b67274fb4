#!/usr/bin/env bash
# `make dist` from the outside: what was unpacked somewhere trains, and C programs find it there.
. "$(dirname "$0")/common.sh"
needs pkg-config pkg-config
needs cmake cmake
needs xz xz-utils

make --no-print-directory dist >"$work/log" 2>&1 || fail "$(cat "$work/log")"
name=cifar-$version-linux-$(uname -m)
tarball=build/dist/$name.tar.xz
[[ $(tar tf "$tarball" | cut -d/ -f1 | sort -u) = "$name" ]] || fail "not one directory"

mkdir "$work/down loads"
tar -C "$work/down loads" -xf "$tarball"
there="$work/down loads/$name"
! grep -rI -e "$root" -e build/dist "$there" --exclude-dir=doc || fail "a file knows where it was built"
find "$there" -perm /022 ! -type l | { ! grep .; } || fail "others may write"
trains "$there/bin"
by_pkg_config "$there/lib"
by_cmake "$there"

mkdir "$work/opt"
mv "$there" "$work/opt/cifar"
trains "$work/opt/cifar/bin"
by_pkg_config "$work/opt/cifar/lib"
by_cmake "$work/opt/cifar"
ok "$tarball, $(du -h "$tarball" | cut -f1)"
