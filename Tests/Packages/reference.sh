#!/usr/bin/env bash
# `make reference`: pages of the whole header, and an error for everything without a comment.
. "$(dirname "$0")/common.sh"
needs doxygen doxygen

pages=$root/build/reference
make --no-print-directory reference >"$work/log" 2>&1 || fail "$(cat "$work/log")"
names=$(sed -n 's/^    \(cifar_[a-z0-9_]*\);$/\1/p' Sources/CifarC/exports.map)
for name in $names; do
  grep -q "class=\"memtitle\".*</span>$name()</h2>" "$pages"/group__*.html || fail "$name has no entry"
done
ok "$(wc -w <<<"$names") functions in $(ls "$pages"/group__*.html | wc -l) groups"

# Links lead somewhere: files that are there, and places in them.
python3 - "$pages" <<'END'
import re, sys
from pathlib import Path
pages = Path(sys.argv[1])
texts = {page.name: page.read_text() for page in pages.glob("*.html")}
places = {name: set(re.findall(r'(?:id|name)="([^"]+)"', text)) for name, text in texts.items()}
bad = set()
for name, text in texts.items():
    for link in re.findall(r'href="([^"]+)"', text):
        page, _, place = link.partition("#")
        page = page or name
        if "://" in page or not page.endswith(".html") or page.startswith("javascript"):
            continue
        if page not in texts or place and place not in places[page]:
            bad.add(f"{name}: {link}")
sys.exit("\n".join(sorted(bad)) or 0)
END
ok "every link"

# Without one of its comments the header has no reference.
cp -r include Tools docs Makefile "$work"
for cut in \
  's/^ \*  @param split     the training.*$/ *  The end./' \
  '/@param checkpoint  its id/d' \
  's#^  CIFAR_TEST = 1 .*#  CIFAR_TEST = 1#' \
  's#^  cifar_split split; .*#  cifar_split split;#' \
  's#^/\*\* Ends a model\. \*/##' \
  's/@param limit     the most/@param most      the most/'; do
  sed "$cut" include/cifar.h >"$work/include/cifar.h"
  ! cmp -s include/cifar.h "$work/include/cifar.h" || fail "nothing to cut: $cut"
  ! make -C "$work" reference >"$work/log" 2>&1 || fail "passed: $cut"
done
ok "what has no comment is an error"
