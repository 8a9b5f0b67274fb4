# What the scripts here share, to be sourced. Each works in a directory of its own, which is taken
# away when all went well.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
version=$(build/bin/cifar --version)
version=${version##* }
work=$(mktemp -d)
unset CIFAR_REGISTRY CIFAR10_DIR CIFAR_LIBRARY LD_LIBRARY_PATH PKG_CONFIG_PATH CMAKE_PREFIX_PATH

ended() {
  local status=$?
  if ((status)); then
    echo "FAILED; what it worked with is in $work" >&2
  else
    rm -rf "$work"
    echo "$(basename "$0"): all is well"
  fi
}
trap ended EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }
ok() { echo "ok: $*"; }

# needs COMMAND PACKAGE: installs the package if there is no such command.
needs() { PATH=$PATH:/usr/sbin:/sbin type -P "$1" >/dev/null || Tools/install-packages "$2"; }

# Nothing may come from the toolchain, or from anywhere but the system and what is looked at.
bare() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$work" LC_ALL=C.UTF-8 "$@"; }

# trains BIN: its commands train, list the run, resume it and list it again.
trains() {
  local runs=$work/commands.db
  rm -f "$runs"
  bare "$1/cifar" train --registry "$runs" --data shapes --limit-train 600 --limit-test 200 \
    --epochs 1 --name packaged >"$work/log" 2>&1 || fail "$(cat "$work/log")"
  bare "$1/cifar-runs" list --registry "$runs" >"$work/log"
  grep -E 'packaged +completed .* 1/1 ' "$work/log"
  bare "$1/cifar" resume packaged --registry "$runs" --epochs 2 >"$work/log" 2>&1 ||
    fail "$(cat "$work/log")"
  bare "$1/cifar-runs" list --registry "$runs" >"$work/log"
  grep -E 'packaged +completed .* 2/2 ' "$work/log"
}

# runs_c PROGRAM: bindings/c/train.c trains and tells its run.
runs_c() {
  rm -f "$work/c.db"
  bare CIFAR_REGISTRY="$work/c.db" "$1" shapes 1 600 >"$work/log"
  grep -E '^run [0-9a-f]{8}  best .* all 1 epochs are done' "$work/log"
}

# by_pkg_config LIBDIR: a C program finds header and library by pkg-config.
by_pkg_config() {
  [[ $(bare PKG_CONFIG_PATH="$1/pkgconfig" pkg-config --modversion cifar) = "$version" ]]
  # pkg-config escapes spaces in paths for the shell.
  local flags
  flags=$(bare PKG_CONFIG_PATH="$1/pkgconfig" pkg-config --cflags --libs cifar)
  eval "bare cc -std=c99 -Wall -Wextra -Werror bindings/c/train.c -o '$work/by-pkg-config' $flags" \
    "'-Wl,-rpath,$1'"
  runs_c "$work/by-pkg-config"
  ok "C by pkg-config from $1"
}

# by_cmake PREFIX: a C program finds header and library by CMake's find_package.
by_cmake() {
  local project=$work/cmake
  rm -rf "$project"
  mkdir "$project"
  cat >"$project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.13)
project(program C)
find_package(cifar 0.2 CONFIG REQUIRED)
add_executable(program train.c)
target_link_libraries(program PRIVATE cifar::cifar)
END
  cp bindings/c/train.c "$project"
  { bare cmake -S "$project" -B "$project/build" -DCMAKE_PREFIX_PATH="$1" -DCMAKE_BUILD_TYPE=Release &&
    bare cmake --build "$project/build"; } >"$work/log" 2>&1 || fail "$(cat "$work/log")"
  runs_c "$project/build/program"
  ok "C by CMake from $1"
}

# cmake_takes PREFIX VERSION...: whether find_package is content with what is installed.
cmake_takes() {
  cat >"$work/find.cmake" <<END
cmake_minimum_required(VERSION 3.19)
find_package(cifar $2 CONFIG QUIET PATHS "$1" NO_DEFAULT_PATH)
if(NOT cifar_FOUND)
  message(FATAL_ERROR "not found")
endif()
END
  # In a project, as a script knows no targets.
  mkdir -p "$work/find"
  { echo "cmake_minimum_required(VERSION 3.19)"; echo "project(find C)"; cat "$work/find.cmake"; } \
    >"$work/find/CMakeLists.txt"
  rm -rf "$work/find/build"
  bare cmake -S "$work/find" -B "$work/find/build" >"$work/log" 2>&1
}
