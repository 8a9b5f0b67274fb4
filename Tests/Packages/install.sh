#!/usr/bin/env bash
# `make install` from the outside: into a prefix, moved, staged, into the system, and taken away.
. "$(dirname "$0")/common.sh"
needs pkg-config pkg-config
needs cmake cmake

# No Swift is needed, and nothing in the build tree is touched.
built=$(find build -newermt @0 -printf '%p %T@\n' | sort)
install_make() { bare make --no-print-directory "$@"; }

prefix="$work/a prefix"
install_make install prefix="$prefix" 2>"$work/messages"
grep -q "does not look into $prefix/lib.*-Wl,-rpath,$prefix/lib" "$work/messages" ||
  fail "no word of what the dynamic linker needs: $(cat "$work/messages")"
[[ $built = "$(find build -newermt @0 -printf '%p %T@\n' | sort)" ]] || fail "install built something"
lib=$prefix/lib
[[ -f $lib/libcifar.so.$version && ! -L $lib/libcifar.so.$version ]]
[[ $(readlink "$lib/libcifar.so.0") = "libcifar.so.$version" ]]
[[ $(readlink -f "$lib/libcifar.so") = "$(readlink -f "$lib/libcifar.so.$version")" ]]
! readelf -d "$lib/libcifar.so" "$prefix"/bin/* | grep -E 'RPATH|RUNPATH' || fail "it looks beside itself"
for page in "$prefix"/share/man/man1/*; do
  ! bare man --warnings -l "$page" 2>&1 >/dev/null | grep . || fail "$page"
done
bash -n "$prefix/share/bash-completion/completions/cifar"
ok "installed, with nothing built"

trains "$prefix/bin"
by_pkg_config "$prefix/lib"
by_cmake "$prefix"
for wanted in 0.2 0.2.0 '0.2.0 EXACT' 0.1 0.1...0.9 0.2.0...1.0; do
  cmake_takes "$prefix" "$wanted" || fail "CMake does not take it for $wanted: $(cat "$work/log")"
done
for wanted in 0.2.1 0.3 1.0 '0.1 EXACT' 0.3...0.9 '0.1...<0.2' 1.0...2.0; do
  ! cmake_takes "$prefix" "$wanted" || fail "CMake takes it for $wanted"
done
ok "CMake takes 0.2 for what asks for 0.2, and for nothing newer"

mv "$prefix" "$work/moved"
prefix=$work/moved
trains "$prefix/bin"
by_pkg_config "$prefix/lib"
by_cmake "$prefix"
! grep -rI "a prefix" "$prefix" || fail "a file knows where it was installed"
ok "moved"

touch "$prefix/share/somebody-elses"
install_make install prefix="$prefix" 2>/dev/null
install_make uninstall prefix="$prefix"
[[ $(find "$prefix" -mindepth 1 | sort) = "$prefix/share
$prefix/share/somebody-elses" ]] || fail "$(find "$prefix")"
rm -r "$prefix"
mkdir -p "$work/was-there/bin"
install_make install prefix="$work/was-there" 2>/dev/null
install_make uninstall prefix="$work/was-there"
[[ $(find "$work/was-there" -mindepth 1) = "$work/was-there/bin" ]] || fail "$(find "$work/was-there")"
install_make install prefix="$work/new/er" 2>/dev/null
install_make uninstall prefix="$work/new/er"
[[ ! -e $work/new ]] || fail "$(find "$work/new")"
ok "uninstall takes what install brought, and leaves what was there"

directories=(
  DESTDIR="$work/stage" prefix=/usr exec_prefix=/usr/x libdir=/usr/lib/here bindir=/tools
  includedir=/usr/include/cifar mandir=/manual datadir=/usr/data docdir=/papers)
install_make install "${directories[@]}" >"$work/messages" 2>&1
[[ $(cat "$work/messages") = "installed libcifar $version into $work/stage/usr" ]]
for file in tools/cifar tools/cifar-runs usr/lib/here/libcifar.so.0 usr/include/cifar/cifar.h \
  manual/man1/cifar.1 usr/data/fish/vendor_completions.d/cifar.fish papers/LICENSE; do
  [[ -e $work/stage/$file ]] || fail "$file: $(find "$work/stage")"
done
[[ ! -e $work/stage/usr/data/libcifar ]]
! grep -rI "$work" "$work/stage" || fail "a file knows the stage"
[[ $(PKG_CONFIG_PATH=$work/stage/usr/lib/here/pkgconfig pkg-config --variable=includedir cifar) = \
  /usr/include/cifar ]]
cmake_takes "$work/stage/usr/lib/here/cmake/cifar" 0.2 || fail "$(cat "$work/log")"
install_make uninstall "${directories[@]}"
[[ -z $(find "$work/stage" -mindepth 1) ]] || fail "$(find "$work/stage")"
ok "staged below DESTDIR, each directory of its own"

mkdir "$work/unbuilt"
cp -r Makefile Tools include packaging README.md CHANGELOG.md LICENSE docs "$work/unbuilt"
! install_make -C "$work/unbuilt" install prefix="$work/none" 2>"$work/messages" || fail "from where?"
grep -q 'run `make` first' "$work/messages" || fail "$(cat "$work/messages")"
[[ ! -e $work/none ]]
! install_make install prefix=relative 2>"$work/messages" || fail "into where?"
grep -q "prefix is 'relative'" "$work/messages"
ok "what can't be installed is refused"

# The system's own directories, on copies of /usr/local and /etc that only this process sees.
if [[ $(id -u) = 0 ]] && unshare -m true 2>/dev/null; then
  export -f bare runs_c install_make ok fail
  export work version
  cp -a /etc "$work/etc"
  unshare -m bash -euo pipefail -c '
    mount --make-rprivate /
    mount -t tmpfs none /usr/local
    mount --bind "$work/etc" /etc
    install_make install 2>&1 | tee "$work/messages"
    [[ $(wc -l <"$work/messages") = 1 ]]
    /sbin/ldconfig -p | grep "libcifar.so.0 .*/usr/local/lib/libcifar.so.0"
    bare cc -std=c99 bindings/c/train.c -o "$work/system" -lcifar
    runs_c "$work/system"
    rm -f "$work/c.db"
    bare CIFAR_REGISTRY="$work/c.db" /usr/local/bin/cifar train --data shapes --limit-train 64 --limit-test 64 \
      --epochs 1 >/dev/null
    install_make uninstall
    [[ -z $(find /usr/local -mindepth 1) ]] || fail "$(find /usr/local)"
    ! /sbin/ldconfig -p | grep libcifar || fail "still in the cache"'
  ok "into /usr/local, where the dynamic linker finds it"
else
  echo "skipped: /usr/local, which takes root and mount namespaces"
fi
