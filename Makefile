# Herald.  `make run` and `make test` work alone on a fresh Debian 12; `make help`
# lists the rest.  Everything that is built goes to build/ (and html/dist),
# everything that runs goes to var/.

SHELL    := /bin/bash
BUILD    ?= build
NGX_SRC  ?= /usr/share/nginx/src
TOP      := $(CURDIR)
OUT      := $(abspath $(BUILD))

CC       ?= gcc
CXX      ?= g++
OPT      ?= -O2 -g
# GUARD=X leaves out what keeps one fault harmless, to see its test fail
GUARD    ?=
# SANITIZE=address builds the modules, the command and the unit tests with it
SANITIZE ?=
SAN      := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer)
HARDEN   := $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong
WARN     := -Wall -Wextra -Werror
ifneq ($(GUARD),)
override OPT += -DHD_NO_GUARD_$(GUARD) -Wno-unused
endif
CFLAGS   += -D_GNU_SOURCE $(OPT) -fPIC $(HARDEN) $(SAN) $(WARN)
CXXFLAGS += -D_GNU_SOURCE $(OPT) -fPIC $(HARDEN) $(SAN) $(WARN)
LIBS     := -lyajl -lcsv -lsodium -lcrypto -lphonenumber -lprotobuf -lstdc++ -lm
PG_INC    = -I$(shell pg_config --includedir)

LIB_SRC  := $(wildcard src/base/*.c src/base/*.cc src/provider/*.c) \
            $(filter-out src/shm/zone_ngx.c,$(wildcard src/shm/*.c))
LIB_OBJ  := $(patsubst src/%,$(BUILD)/lib/%.o,$(LIB_SRC))
CLI_OBJ  := $(patsubst src/%,$(BUILD)/lib/%.o,$(wildcard src/cli/*.c))
UNIT     := $(patsubst t/unit/%.c,$(BUILD)/unit/%,$(wildcard t/unit/*_test.c))
BENCH_BIN := $(patsubst bench/%.c,$(BUILD)/bench/%,$(wildcard bench/*.c))
FUZZ     := $(patsubst t/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard t/fuzz/*_fuzz.c))
SQL      := $(wildcard src/store/*.sql)
LIBRARY  := $(wildcard conf/templates/*.json)
MODULES  := ngx_http_herald_module.so ngx_http_herald_sandbox_module.so
SOURCES  := $(sort $(wildcard src/*/*.c src/*/*.cc src/*/*.h))

export HERALD_GEN   := $(OUT)/gen
export HERALD_BUILD := $(OUT)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help deps run start stop status logs test unit bench asan fuzz \
        chaos guards clean reset modules cli dashboard FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' \
	    Makefile
	@echo "  variables: PORT=8080 LISTEN=127.0.0.1 DEMO=1 SANITIZE= FUZZ_TIME=30"

all: modules cli dashboard ## build the nginx modules, the herald command, the dashboard

deps: ## install the Debian packages that are missing (run, test)
	@tools/deps.sh run test

run: ## install what is missing, build, start everything with the demo; Ctrl-C stops
	@tools/deps.sh run
	@$(MAKE) --no-print-directory all
	@exec tools/run.sh

start: ## the same in the background
	@tools/deps.sh run
	@$(MAKE) --no-print-directory all
	@exec tools/control.sh start

stop: ## stop what run or start has started
	@exec tools/control.sh stop

status: ## what is running, and where
	@exec tools/control.sh status

logs: ## follow the logs
	@exec tools/control.sh logs

test: ## build and run every test
	@tools/deps.sh run test
	@$(MAKE) --no-print-directory all $(UNIT)
	@exec tools/test.sh all

unit: $(UNIT) ## build and run the unit tests only
	@exec tools/test.sh unit

asan: ## build with AddressSanitizer into build/asan and run every test with it
	@tools/deps.sh run test
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan SANITIZE=address all \
	    asan-unit
	@HERALD_BUILD=$(OUT)/asan HERALD_ASAN=1 tools/test.sh all

asan-unit: $(UNIT)
.PHONY: asan-unit

FUZZ_TIME ?= 30

fuzz: ## run every fuzz target for FUZZ_TIME seconds
	@tools/deps.sh run fuzz
	@$(MAKE) --no-print-directory $(FUZZ)
	@exec tools/fuzz.sh $(FUZZ_TIME) $(FUZZ)

chaos: ## every fault, or F=n; CHAOS_N recipients, CHAOS_SEED, REPEAT=20
	@tools/deps.sh run test
	@$(MAKE) --no-print-directory modules cli
	@exec tools/chaos.sh run $(F)

guards: ## leave out each guard in turn: its fault's test must fail; G=name
	@tools/deps.sh run test
	@$(MAKE) --no-print-directory modules cli
	@exec tools/chaos.sh guards $(G)

bench: ## measure; needs a quiet machine
	@tools/deps.sh run bench
	@$(MAKE) --no-print-directory all $(BENCH_BIN)
	@exec tools/bench.sh

clean: ## remove what was built
	rm -rf $(BUILD) html/dist

reset: ## stop, and remove the demo's data (var/)
	@exec tools/control.sh reset


# ── the nginx modules ───────────────────────────────────────────────────────

$(BUILD)/gen/.stamp: src/store/gen.pl $(SQL) src/api/library.pl $(LIBRARY)
	@mkdir -p $(@D)
	perl src/api/library.pl $(OUT)/gen $(LIBRARY)
	perl src/store/gen.pl $(if $(GUARD),--without $(GUARD)) $(OUT)/gen $(SQL)
	@touch $@

# written only when a source came or went, so that nginx's makefile is made anew then
$(BUILD)/sources: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(SOURCES) '$(OPT) $(SAN)' | cmp -s - $@ || \
	    printf '%s\n' $(SOURCES) '$(OPT) $(SAN)' > $@

$(BUILD)/objs/Makefile: config $(BUILD)/sources | $(BUILD)/gen/.stamp
	@test -f $(NGX_SRC)/conf_flags || { echo "herald: $(NGX_SRC) is missing; \
	install nginx-dev (make deps)" >&2; exit 1; }
	@tools/configure.sh $(NGX_SRC) $(TOP) $(OUT)/objs \
	    '$(OPT) -fPIC $(HARDEN) $(SAN)' '$(SAN)'

modules: $(BUILD)/objs/Makefile $(BUILD)/gen/.stamp
	+@cd $(NGX_SRC) && $(MAKE) --no-print-directory -s \
	    -f $(OUT)/objs/Makefile modules
	@u=$$(nm -D --undefined-only $(addprefix $(BUILD)/objs/,$(MODULES)) \
	    | awk '$$2 ~ /^hd_/ { print $$2 }'); test -z "$$u" || \
	    { echo "herald: the modules lack" $$u >&2; exit 1; }
	@# a running nginx has the old file mapped: never written over, replaced
	@for m in $(MODULES); do \
	    cmp -s $(BUILD)/objs/$$m $(BUILD)/$$m || \
	    { cp -f $(BUILD)/objs/$$m $(BUILD)/$$m.new && \
	      mv -f $(BUILD)/$$m.new $(BUILD)/$$m; } || exit 1; done


# ── the library, the command, the unit tests ────────────────────────────────

$(BUILD)/lib/%.c.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(if $(findstring /cli/,$@),$(PG_INC)) -MMD -MP -c $< -o $@

$(BUILD)/lib/%.cc.o: src/%.cc
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libherald.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

cli: $(BUILD)/herald

$(BUILD)/herald: $(CLI_OBJ) $(BUILD)/libherald.a
	$(CC) $(SAN) -o $@ $^ -lpq $(LIBS)

$(BUILD)/unit/%: t/unit/%.c $(BUILD)/libherald.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Wno-unused-parameter -MMD -MP -Isrc -o $@ $< $(BUILD)/libherald.a -lcmocka \
	    $(LIBS)


# what make bench measures with, or beside
$(BUILD)/bench/%: bench/%.c $(BUILD)/libherald.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(PG_INC) -MMD -MP -Isrc -o $@ $< \
	    $(BUILD)/libherald.a -lpq $(LIBS)


# ── fuzz targets: the sources again, by clang with coverage ─────────────────

FUZZ_SRC  := $(wildcard src/base/*.c src/provider/*.c)
FUZZ_OBJ  := $(patsubst src/%,$(BUILD)/fuzz/obj/%.o,$(FUZZ_SRC)) \
             $(patsubst src/%,$(BUILD)/fuzz/obj/%.o,$(wildcard src/base/*.cc))
FUZZ_FLAG := -g -O1 -D_GNU_SOURCE -fno-omit-frame-pointer \
             -fsanitize=address,undefined -fno-sanitize-recover=undefined

$(BUILD)/fuzz/obj/%.c.o: src/%.c
	@mkdir -p $(@D)
	clang $(FUZZ_FLAG) -fsanitize=fuzzer-no-link -c $< -o $@

$(BUILD)/fuzz/obj/%.cc.o: src/%.cc
	@mkdir -p $(@D)
	clang++ $(FUZZ_FLAG) -fsanitize=fuzzer-no-link -c $< -o $@

$(BUILD)/fuzz/obj/%_fuzz.o: t/fuzz/%_fuzz.c
	@mkdir -p $(@D)
	clang $(FUZZ_FLAG) -fsanitize=fuzzer-no-link -Isrc -c $< -o $@

$(BUILD)/fuzz/%_fuzz: $(BUILD)/fuzz/obj/%_fuzz.o $(FUZZ_OBJ)
	clang++ $(FUZZ_FLAG) -fsanitize=fuzzer -o $@ $^ $(LIBS)


# ── the dashboard ───────────────────────────────────────────────────────────

HTML := $(shell find html -type f -not -path 'html/node_modules/*' \
                -not -path 'html/dist/*' 2>/dev/null)

dashboard: html/dist/index.html

html/dist/index.html: $(HTML)
	@tools/dashboard.sh
	@touch $@

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(addsuffix .d,$(UNIT) $(BENCH_BIN))
