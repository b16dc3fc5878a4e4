# Every target sets up .venv by itself, with the versions that pyproject.toml pins, and rebuilds what changed.
#
#   make serve [PORT=6379] [ARGS="--requirepass x"]     a server
#   make test  [TESTS="tests/unit -k glob"]             the suite       make lint     style and tidiness
#   make bench [ARGS=...]                               benchmarks      make fuzz     the fuzzers, for long
#   make debug | make portable | make asan      the suite on a build with assertions | without SSE2 and such |
#                                               with assertions and the address and undefined-behaviour sanitizers
#   make tsan                                   the tests of snapshots on a build with the thread sanitizer
#   make faults [ROUNDS=200] [TESTS=tests/faults/test_kill.py]  crashes, power cuts, full disks, damaged files, cut links,
#                                               failovers, and replication under mixed writes, for long
#   make build | make clean

PYTHON ?= python3
PORT ?= 6379
ARGS ?=
TESTS ?= tests
ROUNDS ?= 200

VENV := .venv
PY := $(VENV)/bin/python
SOURCES := $(wildcard csrc/*.[ch] wstore/*/*.pyx wstore/*/*.pxd) wstore/versions.py setup.py

.PHONY: build serve test lint bench fuzz faults debug portable asan tsan clean

build: build/built

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PY) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb")); \
	    print(*p["build-system"]["requires"], *p["project"]["dependencies"], \
	          *p["project"]["optional-dependencies"]["dev"], sep="\n")' > $(VENV)/requirements.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r $(VENV)/requirements.txt
	touch $@

build/built: $(VENV)/ready $(SOURCES)
	$(PY) setup.py --quiet build_ext --inplace
	touch $@

serve: build
	$(PY) -m wstore.cli.server --port $(PORT) $(ARGS)

test: build
	$(PY) -m pytest $(TESTS)

lint: $(VENV)/ready
	$(VENV)/bin/ruff check .
	PATH="$(VENV)/bin:$$PATH" cython-lint $$(find wstore -name '*.p[yx][xd]')
	$(PY) -m pytest --quiet --noconftest tests/unit/test_tidy.py

bench: build
	$(PY) -m bench $(ARGS)

fuzz: build
	$(PY) -m tests.fuzz $(ARGS)

faults: export WSTORE_FAULT_ROUNDS = $(ROUNDS)
faults: build
	$(PY) -m pytest $(if $(filter tests,$(TESTS)),tests/faults tests/integration/test_replication_mixed.py,$(TESTS))

# The variants are built in a copy of the tree, so that they do not undo the release build. Times are kept: only what
# changed is built again.
define mirror
	mkdir -p build/$@
	find build/$@ -type f ! -name '*.so' ! -path 'build/$@/build/*' -delete
	tar -c --exclude='*.so' --exclude=__pycache__ $(MIRRORED) | tar -x -C build/$@
endef
MIRRORED := $(wildcard .ci csrc wstore tests bench docs Makefile *.md pyproject.toml setup.py .gitignore)

debug: export WSTORE_DEBUG = 1
portable: export WSTORE_PORTABLE = 1
debug portable: $(VENV)/ready
	$(mirror)
	cd build/$@ && ../../$(PY) setup.py --quiet build_ext --inplace
	cd build/$@ && ../../$(PY) -m pytest $(TESTS)

# Python itself is not instrumented: the sanitizers' library is loaded first, and leaks (its own) are not looked for.
# Every process writes what it finds to a file of its own, so that no report is lost with a server's log.
REPORTS := $(CURDIR)/build/asan/reports
asan: export WSTORE_DEBUG = 1
asan: export WSTORE_SANITIZE = address,undefined
asan: $(VENV)/ready
	$(mirror)
	cd build/$@ && ../../$(PY) setup.py --quiet build_ext --inplace
	rm -rf $(REPORTS) && mkdir -p $(REPORTS)
	cd build/$@ && LD_PRELOAD="$$($(CC) -print-file-name=libasan.so)" PYTHONMALLOC=malloc \
	    ASAN_OPTIONS=detect_leaks=0:log_path=$(REPORTS)/report UBSAN_OPTIONS=print_stacktrace=1:log_path=$(REPORTS)/report \
	    ../../$(PY) -m pytest $(TESTS); result=$$?; cat $(REPORTS)/* 2>/dev/null; test -z "$$(ls $(REPORTS))" && exit $$result

# As above, for races between threads. CPython hands its data on by locks that the sanitizer sees. Addresses are not
# randomized, as the sanitizer wants them where it expects them; programs that the tests start run without it.
THREADED := tests/integration/test_snapshot.py
RACES := $(CURDIR)/build/tsan/reports
tsan: export WSTORE_DEBUG = 1
tsan: export WSTORE_SANITIZE = thread
tsan: $(VENV)/ready
	$(mirror)
	cd build/$@ && ../../$(PY) setup.py --quiet build_ext --inplace
	rm -rf $(RACES) && mkdir -p $(RACES)
	cd build/$@ && LD_PRELOAD="$$($(CC) -print-file-name=libtsan.so)" \
	    TSAN_OPTIONS=exitcode=0:die_after_fork=0:log_path=$(RACES)/report \
	    setarch -R ../../$(PY) -c 'import os, sys, pytest; del os.environ["LD_PRELOAD"]; sys.exit(pytest.main(sys.argv[1:]))' \
	    --timeout=1200 $(if $(filter tests,$(TESTS)),$(THREADED),$(TESTS)); \
	    result=$$?; cat $(RACES)/* 2>/dev/null; test -z "$$(ls $(RACES))" && exit $$result

clean:
	rm -rf build dist $(VENV) *.egg-info .benchmarks .hypothesis .ruff_cache
	rm -f wstore/engine/_engine*.so wstore/commands/_commands*.so
