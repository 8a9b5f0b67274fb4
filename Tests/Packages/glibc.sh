#!/usr/bin/env bash
# What was built, on a system of an older glibc: Debian 11 has 2.31, and an SQLite that is too old for
# a registry, so that the training there keeps nothing.
. "$(dirname "$0")/common.sh"
[[ $(uname -m) = x86_64 ]] || { ok "for x86-64 only"; exit; }
needs debootstrap debootstrap

system=$work/system
PATH=$PATH:/usr/sbin:/sbin debootstrap --variant=minbase \
  --include=libsqlite3-0,python3 bullseye "$system" \
  http://deb.debian.org/debian >"$work/log" 2>&1 || fail "$(tail -5 "$work/log")"
mkdir -p "$system/opt/cifar"
cp -r build/bin build/lib bindings/python/cifar "$system/opt/cifar"
# Debian 11's own NumPy is older than the package asks for.
python3 -m pip --quiet --disable-pip-version-check download --no-deps --only-binary :all: \
  --python-version 3.9 --dest "$work" "numpy>=1.21" || fail "no NumPy for Python 3.9"
python3 -m zipfile -e "$work"/numpy-*.whl "$system/opt/cifar"

cat >"$system/opt/cifar/train.py" <<'END'
import sys
sys.path.insert(0, "/opt/cifar")
import cifar
train, test = cifar.load("shapes", 600, 64)
run = cifar.fit(train, test, epochs=1, record=False)
run.model.save("/opt/cifar/trained.safetensors")
model = cifar.Model.open("/opt/cifar/trained.safetensors")
assert abs(float(model.predict(test.images[:8]).sum()) - 8) < 1e-4
print("trained", cifar.version())
END
cat >"$work/inside" <<'END'
mount --make-rprivate /
mount -t proc proc "$1/proc"
shift
exec "$@"
END
inside() {
  unshare -m bash "$work/inside" "$system" chroot "$system" \
    env -i PATH=/usr/bin:/bin HOME=/root CIFAR_LIBRARY=/opt/cifar/lib/libcifar.so "$@"
}
inside python3 -c 'import platform; print(*platform.libc_ver())' | grep 'glibc 2\.31'
[[ $(inside /opt/cifar/bin/cifar --version) = "cifar $version" ]]
[[ $(inside /opt/cifar/bin/cifar-runs --version) = "cifar-runs $version" ]]
inside python3 /opt/cifar/train.py
{ inside /opt/cifar/bin/cifar train --data shapes --limit-train 64 --limit-test 64 --epochs 1 2>&1 ||
  true; } | grep "SQLite is 3.34.1; the run registry needs 3.37"
ok "glibc 2.31"
