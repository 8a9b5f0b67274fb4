# `make demo` and `make test` do everything on a fresh machine; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build
.PHONY: help build mpi demo bindings abi reference docs test test-swift test-abi test-packages test-memory \
  test-interop test-mpi test-ui torture fuzz sanitize bench bench-program bench-scale bench-registry format lint install uninstall \
  dist deb wheel sdist clean

# Where tests and the demo keep what they install for Python.
VENV := .venv
PYTHON := $(VENV)/bin/python

VERSION := $(shell awk '/^.define CIFAR_VERSION_(MAJOR|MINOR|PATCH)/ { \
  printf "%s%s", dot, $$3; dot = "." }' include/cifar.h)
SONAME := libcifar.so.$(firstword $(subst ., ,$(VERSION)))
LIBRARY := libcifar.so.$(VERSION)
RELEASE := .build/release
# An import of a module that the manifest does not name is an error.
IMPORTS := --explicit-target-dependency-import-check error
# C++'s library is linked statically, too: its own allocations are to have the reserve behind them.
# Sources/CMemory refers to its operators weakly, which alone takes nothing out of an archive.
# So nothing is needed that lies beside library and commands: they have no RUNPATH.
STATIC := --disable-local-rpath -Xswiftc -static-stdlib \
  -Xswiftc -L$(CURDIR)/.build/static $(foreach operator,\
  _Znwm _ZnwmSt11align_val_t _ZdlPvm _ZdlPvmSt11align_val_t,-Xlinker -u -Xlinker $(operator))
# An allocation of the Swift runtime that fails ends the process: Sources/CMemory stands behind them.
RESERVE := $(foreach function,malloc calloc realloc free posix_memalign aligned_alloc \
  malloc_usable_size strdup _Znwm _ZnwmSt11align_val_t _ZdlPvm _ZdlPvmSt11align_val_t,\
  -Xlinker --wrap=$(function))
# The oldest glibc that what is built runs on, and with it the wheels' tag, manylinux_2_28: what is
# older computes exp, log and pow to other bits. packaging/glibc.c says how.
GLIBC := 2.28
OLD_GLIBC := $(if $(filter x86_64,$(shell uname -m)),$(addprefix -Xlinker ,\
  $(CURDIR)/.build/static/glibc.o --push-state --no-as-needed -l:libpthread.so.0 -l:libdl.so.2 \
  --pop-state))
EXPORTS := -Xlinker --version-script=$(CURDIR)/Sources/CifarC/exports.map
LIBRARY_LINK := $(EXPORTS) -Xlinker -soname=$(SONAME) -Xlinker -z -Xlinker nodelete

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

build: .build/dependencies .build/static/glibc.o ## the library and the two commands
	swift build -c release $(IMPORTS) $(STATIC) $(RESERVE) $(OLD_GLIBC) --product cifar-command
	swift build -c release $(IMPORTS) $(STATIC) $(RESERVE) $(OLD_GLIBC) --product cifar-runs
	swift build -c release $(IMPORTS) $(STATIC) $(RESERVE) $(OLD_GLIBC) $(LIBRARY_LINK) \
	  --product cifar
	mkdir -p build/lib build/bin
	install -m 755 $(RELEASE)/cifar-command build/bin/cifar
	install -m 755 $(RELEASE)/cifar-runs build/bin/cifar-runs
	rm -f build/lib/libcifar.so*
	install -m 755 $(RELEASE)/libcifar.so build/lib/$(LIBRARY)
	strip build/bin/cifar build/bin/cifar-runs build/lib/$(LIBRARY)
	ln -s $(LIBRARY) build/lib/$(SONAME)
	ln -s $(SONAME) build/lib/libcifar.so
	mkdir -p build/man build/completions
	for command in cifar cifar-runs; do \
	  build/bin/$$command man > build/man/$$command.1; \
	  build/bin/$$command completion bash > build/completions/$$command; \
	  build/bin/$$command completion zsh > build/completions/_$$command; \
	  build/bin/$$command completion fish > build/completions/$$command.fish; \
	done

mpi: build ## build/bin/cifar-mpi, which shares a training among the processes of MPI: docs/parallel.md
	@type -P mpicc >/dev/null || Tools/install-packages libopenmpi-dev
	mkdir -p build/lib/cifar
	mpicc -O2 -std=gnu11 -Wall -Wextra -Werror -shared -fPIC -I include bindings/mpi/mpi.c \
	  -o build/lib/cifar/mpi.so
	install -m 755 bindings/mpi/cifar-mpi build/bin/cifar-mpi

demo: build ## trains the network on the built-in drawings, lists the run, asks the model
	@Tools/demo

bindings: ## writes what repeats include/cifar.h in other languages: after a change of the header
	python3 Tools/bindings

abi: ## writes Tests/CABI/ABI: after a change of the header that is meant, see CONTRIBUTING.md
	python3 Tools/bindings/abi.py

reference: ## build/reference: the pages of include/cifar.h, made by Doxygen
	@type -P doxygen >/dev/null || Tools/install-packages doxygen
	@# Debian 12's Doxygen lets values of enums pass.
	python3 Tools/bindings/reference.py --check include/cifar.h
	rm -rf build/reference
	mkdir -p build/reference
	CIFAR_VERSION=$(VERSION) doxygen docs/reference/Doxyfile
	@echo "build/reference/index.html"

docs: build ## writes docs/hyperparameters.md: after a change of the hyperparameters
	build/bin/cifar hyperparameters --markdown > docs/hyperparameters.md

test: lint build test-swift test-abi ## every test

test-swift: .build/dependencies ## the Swift tests: kernels, layers, data, training, registry
	swift test $(IMPORTS)

# What `cifar-runs ui` opens at run time.
MICROHTTPD := /sbin/ldconfig -p | grep -q 'libmicrohttpd[.]so[.]12' || \
  Tools/install-packages libmicrohttpd12

test-abi: build $(VENV)/ready ## C, Python and the commands against what was built
	@$(MICROHTTPD)
	$(PYTHON) -m pytest -n 3 --dist worksteal --durations 10 Tests/CABI

test-ui: build $(VENV)/ready ## cifar-runs ui in headless Chromium, which it installs
	@$(MICROHTTPD)
	@type -P chromium chromedriver >/dev/null || Tools/install-packages chromium chromium-driver
	$(PYTHON) -m pytest -q Tests/CABI/test_ui.py Tests/CABI/test_ui_browser.py

INTEROP := .venv-interop

# PyTorch, Keras, ONNX and the others are some gigabytes, so `make test` does without them.
test-interop: build $(INTEROP)/ready ## other programs take our files and give theirs: docs/interchange.md
	$(INTEROP)/bin/python -m pytest -q Tests/Interop

MPI := .venv-mpi

test-mpi: build mpi $(MPI)/ready ## several processes over MPI, killed and resumed, over a network: docs/parallel.md
	@type -P mpirun >/dev/null || Tools/install-packages openmpi-bin
	$(MPI)/bin/python -m pytest -q -rs Tests/MPI

ONLY ?= *

test-packages: build ## what can be installed, from the outside: make test-packages ONLY=deb
	@failed= ran=; for script in Tests/Packages/$(ONLY).sh Tests/Packages/$(ONLY).py; do \
	  case $$script in */common.sh) continue;; esac; [ -e "$$script" ] || continue; \
	  echo "== $$script"; ran=1; "$$script" || failed="$$failed $$script"; \
	done; [ "$$ran" ] || { echo "there is no Tests/Packages/$(ONLY).sh or .py" >&2; exit 2; }; \
	[ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

test-memory: build ## every allocation of a short training fails once, and from each on all: hours
	@mkdir -p .build/memory
	cc -O1 -std=gnu11 -I include Tests/CABI/fail_allocations.c -o .build/memory/fail_allocations \
	  -L build/lib -lcifar -Wl,-rpath,$(CURDIR)/build/lib -pthread -ldl
	for kind in warm-once warm-all cold-once cold-all; do \
	  .build/memory/fail_allocations .build/memory $$kind 1 1 0 & \
	done; for job in $$(jobs -p); do wait $$job; done

# A scale of 1 is about an hour on two processors: make torture SCALE=0.1 KINDS='kill power-loss'
SCALE ?= 1
SEED ?= 1
KINDS ?=

torture: build ## failing calls, full disks, kills, power losses, crowds: make torture SCALE=1 SEED=1 KINDS=''
	@type -P sqlite3 >/dev/null || Tools/install-packages sqlite3
	python3 Tests/Torture/torture.py --scale $(SCALE) --seed $(SEED) $(KINDS)

# Instrumented code lies in a build directory of its own. UndefinedBehaviorSanitizer is for the C
# sources: Swift checks its arithmetic and its conversions itself.
# C programs are compiled by Swift's clang: library and program need one sanitizer's runtime.
SWIFT_CLANG = "$$(dirname "$$(readlink -f "$$(command -v swift)")")/clang"
SECONDS ?= 60
TARGETS ?=
# Of two `--sanitize` the compiler takes the last one, and their order is anybody's guess.
FUZZ_FLAGS := -c release $(IMPORTS) --scratch-path .build-fuzz --sanitize address \
  -Xswiftc -sanitize-coverage=edge,indirect-calls,trace-cmp,inline-8bit-counters,pc-table \
  -Xcc -fsanitize=undefined,fuzzer-no-link -Xcc -fno-sanitize-recover=undefined

fuzz: .build/dependencies ## feeds the readers damaged input: make fuzz SECONDS=60 TARGETS='pickle csv'
	CIFAR_FUZZ=1 swift build $(FUZZ_FLAGS) --product fuzz
	CIFAR_FUZZ=1 swift build $(FUZZ_FLAGS) $(RESERVE) $(EXPORTS) --product cifar
	mkdir -p build/fuzz
	$(SWIFT_CLANG) -DFUZZER -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	  -std=gnu11 -O1 -g -Wno-cast-function-type -I include Tests/CABI/call_sequences.c \
	  -o .build-fuzz/release/fuzz-calls -L .build-fuzz/release -lcifar -lm -pthread \
	  -Wl,-rpath,$(CURDIR)/.build-fuzz/release
	Tools/fuzz .build-fuzz/release/fuzz $(SECONDS) $(TARGETS)

# One build a sanitizer, each with the library and the tests.
SANITIZE_FLAGS := -c release $(IMPORTS) -Xswiftc -enable-testing
STEPS ?=

sanitize: build ## the tests under the sanitizers and memcheck: make sanitize STEPS='thread-c memcheck'
	@type -P valgrind >/dev/null || Tools/install-packages valgrind
	for sanitizer in thread address; do \
	  flags="$(SANITIZE_FLAGS) --sanitize=$$sanitizer --scratch-path .build-sanitize/$$sanitizer"; \
	  [ $$sanitizer = thread ] || \
	    flags="$$flags -Xcc -fsanitize=undefined -Xcc -fno-sanitize-recover=undefined"; \
	  swift build $$flags --build-tests; \
	  swift build $$flags $(RESERVE) $(EXPORTS) --product cifar; \
	done
	Tools/sanitize .build-sanitize $(STEPS)

# Options of Benchmarks/run.py, such as make bench BENCH='--only step --rounds 3'.
BENCH ?=

bench: build bench-program ## speed beside PyTorch, Keras and others, which it installs into .venv-bench
	@python3 -c 'import ensurepip, venv' 2>/dev/null || Tools/install-packages python3-venv
	python3 Benchmarks/run.py $(BENCH)

bench-program: .build/dependencies .build/static/glibc.o
	swift build -c release $(IMPORTS) $(STATIC) $(RESERVE) $(OLD_GLIBC) --product cifar-bench

bench-scale: bench-program ## how a training step is shared out among 1 to 64 threads: BENCH='airbench94 1024 mixed_bfloat16'
	python3 Benchmarks/scale.py $(BENCH)

bench-registry: build ## time and memory of every verb of cifar-runs on 10,000 runs of 100 epochs
	python3 Benchmarks/registry_verbs.py

format: ## lays out the Swift sources
	swift format -i -r -p Sources Tests Benchmarks bindings/swift Package.swift

lint: ## checks the layout of the Swift sources
	swift format lint -s -r -p Sources Tests Benchmarks bindings/swift Package.swift

# GNU's directory variables; PREFIX is another name for prefix.
PREFIX ?= /usr/local
prefix = $(PREFIX)
exec_prefix = $(prefix)
bindir = $(exec_prefix)/bin
libdir = $(exec_prefix)/lib
includedir = $(prefix)/include
datarootdir = $(prefix)/share
datadir = $(datarootdir)
mandir = $(datarootdir)/man
docdir = $(datarootdir)/doc/libcifar
DIRECTORIES := prefix bindir libdir includedir datadir mandir docdir DESTDIR
# Through the environment: a path may have any character.
install uninstall: export VERSION := $(VERSION)
$(foreach name,$(DIRECTORIES),$(eval install uninstall: export $(name) := $$($(name))))

install: ## copies what `make` built into $(prefix); libdir, bindir, … and DESTDIR are GNU's
	@Tools/install

uninstall: ## takes away what install put there
	@Tools/install --uninstall

DIST := cifar-$(VERSION)-linux-$(shell uname -m)

dist: build ## build/dist/cifar-…-linux-….tar.xz, which works wherever it is unpacked
	rm -rf build/dist
	@$(MAKE) --no-print-directory install DESTDIR=$(CURDIR)/build/dist prefix=/$(DIST)
	tar -C build/dist --sort=name --owner=0 --group=0 --numeric-owner -cf - $(DIST) | \
	  xz -T0 -3 > build/dist/$(DIST).tar.xz
	rm -rf build/dist/$(DIST)

deb: build ## Debian packages in build/deb, with dpkg-buildpackage
	@type -P dh dh_python3 >/dev/null || Tools/install-packages debhelper dh-python dpkg-dev
	mkdir -p build/deb
	rm -f build/deb/*cifar*
	dh_clean
	DEB_OUTPUT=build/deb dpkg-buildpackage -us -uc -b -nc \
	  --buildinfo-option=-ubuild/deb --changes-option=-ubuild/deb \
	  --buildinfo-file=build/deb/libcifar_$(VERSION).buildinfo \
	  --changes-file=build/deb/libcifar_$(VERSION).changes
	dh_clean

wheel: build $(VENV)/ready ## dist/cifar-VERSION-py3-none-manylinux….whl: Python, library and commands
	$(PYTHON) -m build --no-isolation --wheel --outdir dist bindings/python

sdist: $(VENV)/ready ## dist/cifar-VERSION.tar.gz: the Python package with the library's sources
	$(PYTHON) -m build --no-isolation --sdist --outdir dist bindings/python

clean: ## everything that was built or installed here
	rm -rf .build .build-fuzz .build-sanitize build dist $(VENV) .venv-bench $(INTEROP) $(MPI)

# SQLite's header is all that the build needs besides Swift.
.build/dependencies:
	@mkdir -p .build
	@echo '#include <sqlite3.h>' | cc -E - >/dev/null 2>&1 || Tools/install-packages libsqlite3-dev
	@# The linker takes the first library of a name: there is only the static one there.
	@mkdir -p .build/static
	@ln -sf "$$(cc -print-file-name=libstdc++.a)" .build/static/libstdc++.a
	@touch $@

# Swift does not see that these have changed, and would not link again.
.build/static/glibc.o: packaging/glibc.c Sources/CifarC/exports.map | .build/dependencies
	cc -O2 -fPIC -std=gnu11 -ffunction-sections -Wall -Wextra -Werror -c $< -o $@
	rm -f $(RELEASE)/cifar-command $(RELEASE)/cifar-runs $(RELEASE)/libcifar.so

$(INTEROP)/ready: Tests/Interop/requirements.txt
	@python3 -c 'import ensurepip, venv' 2>/dev/null || Tools/install-packages python3-venv
	python3 -m venv $(INTEROP)
	$(INTEROP)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(MPI)/ready: Tests/MPI/requirements.txt | mpi
	@python3 -c 'import ensurepip, venv' 2>/dev/null || Tools/install-packages python3-venv
	python3 -m venv $(MPI)
	$(MPI)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(VENV)/ready: Tests/CABI/requirements.txt
	@python3 -c 'import ensurepip, venv' 2>/dev/null || Tools/install-packages python3-venv
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r $<
	@type -P sqlite3 >/dev/null || Tools/install-packages sqlite3
	@type -P pkg-config >/dev/null || Tools/install-packages pkg-config
	@# A test makes a locale whose numbers have commas.
	@test -e /usr/share/i18n/locales/de_DE || Tools/install-packages locales
	@touch $@
