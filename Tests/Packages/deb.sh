#!/usr/bin/env bash
# `make deb` from the outside: lintian, then a Debian that has seen nothing yet, where the packages
# are installed and used, by a user who is not root. Takes root, for the chroot.
. "$(dirname "$0")/common.sh"
[[ $(id -u) = 0 ]] || fail "run it as root: it makes a chroot"
needs lintian lintian
needs debootstrap debootstrap

DEB_BUILD_OPTIONS=nocheck make --no-print-directory deb >"$work/log" 2>&1 ||
  fail "$(tail -n 40 "$work/log")"
for package in libcifar0 libcifar-dev cifar python3-cifar; do
  ls "build/deb/${package}_${version}"_*.deb
done
lintian --allow-root --fail-on error,warning "build/deb/libcifar_$version.changes"
ok "lintian has no errors and no warnings"

# A new root, of this machine's release and from where this machine gets its packages.
. /etc/os-release
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
  sed -n "s/ $VERSION_CODENAME\$//p" | head -n 1)
system=$work/root
PATH=$PATH:/usr/sbin debootstrap --variant=minbase "$VERSION_CODENAME" "$system" "$mirror" \
  >"$work/log" 2>&1 || fail "$(tail -n 20 "$work/log")"
cp /etc/resolv.conf "$system/etc"
mkdir "$system/packages"
cp "build/deb/"*.deb "$system/packages"
[[ ! -e $system/usr/bin/python3 && ! -e $system/usr/bin/cc ]]

cat >"$system/packages/try" <<'END'
set -euo pipefail
cd
cifar train --data shapes --limit-train 600 --limit-test 200 --epochs 1 --name packaged --registry runs.db
cifar-runs list --registry runs.db | grep -E 'packaged +completed .* 1/1 '
cifar resume packaged --epochs 2 --registry runs.db
cifar-runs list --registry runs.db | grep -E 'packaged +completed .* 2/2 '
END
cat >"$system/packages/try.py" <<'END'
from importlib.metadata import version

import cifar

assert version("cifar") == cifar.version(), version("cifar")
train, test = cifar.load("shapes", limit_train=600, limit_test=200)
cifar.fit(train, test, epochs=1, name="from Python", registry="python.db")
cifar.resume("from Python", epochs=2, registry="python.db")
rows = [(run["name"], run["status"], run["epochs"]) for run in cifar.Registry("python.db").runs()]
print(rows)
assert rows == [("from Python", "completed", 2)], rows
END

# Its mounts are gone when its last process is.
unshare -m bash -euo pipefail -c '
  mount --make-rprivate /
  mount -t proc proc "$1/proc"
  inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive chroot "$@"; }
  as_user() { inside --userspec=1000:1000 "$@"; }
  install() { inside "$system" bash -c "apt-get install -y -qq --no-install-recommends $*" \
    >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }
  system=$1 work=$2 version=$3
  inside "$system" useradd -m -u 1000 user
  inside "$system" apt-get update -qq

  install /packages/libcifar0_*.deb /packages/cifar_*.deb
  as_user "$system" env HOME=/home/user bash /packages/try
  inside "$system" /sbin/ldconfig -p | grep libcifar.so.0

  install /packages/python3-cifar_*.deb
  as_user "$system" env HOME=/home/user bash -c "cd && python3 /packages/try.py"

  install /packages/libcifar-dev_*.deb gcc libc6-dev pkgconf
  as_user "$system" env HOME=/home/user bash -euc "cd
    pkg-config --cflags --libs cifar
    cc -std=c99 /usr/share/doc/libcifar-dev/examples/c/train.c \$(pkg-config --cflags --libs cifar) -o train
    CIFAR_REGISTRY=c.db ./train shapes 1 600" | tail -n 3

  inside "$system" apt-get purge -y -qq libcifar0 libcifar-dev cifar python3-cifar >"$work/log" 2>&1
  ! find "$system/usr" "$system/etc" "$system/var" -iname "*cifar*" \
    -not -path "*/var/cache/*" -not -path "*/var/lib/apt/*" | grep . ||
    { echo "purge leaves files"; exit 1; }
' _ "$system" "$work" "$version"
ok "the packages train, list and resume in a new Debian $VERSION_CODENAME, and leave nothing"
