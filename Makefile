# lmutils: see README.md.
#
#	make [BUILD=build] [CC=cc] [CFLAGS='-O2 -g']
#	make check | check-asan | check-fuzz | check-neon | fuzz
#	make bench		speed and memory: see tests/bench
#	make install [PREFIX=/usr/local] [DESTDIR=] [MANDIR=PREFIX/share/man]
#	     [PROGPREFIX=]		a prefix for the programs' names

TOOLS = tok embed attn ffn logits sample block lm lmtrain
# Those that are scripts: cmd/NAME.sh.
SCRIPTS = lmget

CC ?= cc
AR ?= ar
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man
PROGPREFIX ?=
BUILD ?= build
FUZZ_SECONDS ?= 60

# Nothing may change a bit of a result: no contraction, no -ffast-math.
MANDATORY = -std=c11 -D_GNU_SOURCE -Wall -Wextra -ffp-contract=off
DEFINES = -DLM_DEFAULT_MODEL='"$(PREFIX)/share/lmutils/model"' -DLM_PROGPREFIX='"$(PROGPREFIX)"'
COMPILE = $(CC) $(CPPFLAGS) $(CFLAGS) $(MANDATORY) $(DEFINES) -Icommon -MMD -MP
LIBS = -ljansson -lpcre2-8 -lutf8proc -lm -pthread

# kernels.c is compiled once for each instruction set; numeric.c chooses.
ISAS = plain
ifneq (,$(filter x86_64-% amd64-%,$(shell $(CC) -dumpmachine)))
ISAS += avx2 avx512
endif
ifneq (,$(filter aarch64-%,$(shell $(CC) -dumpmachine)))
ISAS += neon dotprod
endif
ISA_plain =
ISA_avx2 = -mavx2 -mfma -mf16c
ISA_avx512 = -mfma -mf16c -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl -mavx512vnni -mavx512bf16
ISA_neon =
ISA_dotprod = -march=armv8.2-a+dotprod
VECTORIZE = $(if $(filter -O -O0 -O1 -Og -Os,$(CFLAGS)),,-O3)

COMMON = $(filter-out common/kernels.c,$(wildcard common/*.c))
OBJECTS = $(COMMON:%.c=$(BUILD)/%.o) $(ISAS:%=$(BUILD)/common/kernels_%.o)
PROGRAMS = $(TOOLS:%=$(BUILD)/bin/%)
ALL_TOOLS = $(TOOLS) $(SCRIPTS)
TESTS = $(patsubst %.c,$(BUILD)/%,$(filter-out tests/fuzz_% tests/streamfuzz.c,$(wildcard tests/*.c)))
STREAMFUZZ = $(patsubst %,$(BUILD)/streamfuzz/%,$(filter-out lm,$(TOOLS)))
FUZZERS = $(patsubst tests/fuzz_%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz_*.c))
MODELS = model draft
SHARED_MODELS = $(MODELS:%=$(BUILD)/share/lmutils/%)

.PHONY: all toy bench check check-asan check-fuzz check-neon fuzz fuzzers testprograms install uninstall clean FORCE
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS) $(SCRIPTS:%=$(BUILD)/bin/%) $(SHARED_MODELS)

$(PROGRAMS): $(BUILD)/bin/%: $(BUILD)/cmd/%.o $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(SCRIPTS:%=$(BUILD)/bin/%): $(BUILD)/bin/%: cmd/%.sh common/cli.h
	@mkdir -p $(@D)
	version=$$(sed -n 's/^#define LMUTILS_VERSION "\(.*\)"/\1/p' common/cli.h) && \
		sed "s/@VERSION@/$$version/" $< >$@ && chmod 755 $@

# What writes the default model's training text.
WORLD = $(patsubst examples/world/%.c,$(BUILD)/world/%.o,$(wildcard examples/world/*.c))

$(BUILD)/examples/world: $(WORLD) $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/world/%.o: examples/world/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -DWORLD_DATA='"$(abspath examples/world)"' -c -o $@ $<

$(BUILD)/libcommon.a: $(OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(ISAS:%=$(BUILD)/common/kernels_%.o): $(BUILD)/common/kernels_%.o: common/kernels.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) $(VECTORIZE) $(ISA_$*) -DISA=$* -DISA_IS_PLAIN=$(if $(filter plain,$*),1,0) -c -o $@ $<

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

# What everything was built with: a change of it builds everything again.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(COMPILE))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(COMPILE))' >$@
FORCE:

# The build tree has the layout of an installation, where a program looks for
# ../share/lmutils/model first.
$(SHARED_MODELS):
	@mkdir -p $(@D)
	@ln -sfn '$(CURDIR)/examples/$(@F)' $@

-include $(wildcard $(BUILD)/common/*.d $(BUILD)/cmd/*.d $(BUILD)/streamfuzz/*.d $(BUILD)/tests/*.d \
	$(BUILD)/world/*.d)

# A small model to play with: written by hand, not trained; see tests/mkmodel.c.
toy: all $(BUILD)/tests/mkmodel
	@rm -rf $(BUILD)/toy
	$(BUILD)/tests/mkmodel --induction $(BUILD)/toy

# ---- tests ----

# Each program with streamfuzz.c before it: its main becomes a function.
$(BUILD)/streamfuzz/%.o: cmd/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -Dmain=tool_main -c -o $@ $<

$(STREAMFUZZ): $(BUILD)/streamfuzz/%: $(BUILD)/streamfuzz/%.o $(BUILD)/tests/streamfuzz.o $(BUILD)/libcommon.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(TESTS): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/libcommon.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

testprograms: $(TESTS) $(STREAMFUZZ) $(BUILD)/examples/world

check: all testprograms
	@BUILD='$(abspath $(BUILD))' CC='$(CC)' tests/run $(CHECK)

# Speed and memory, beside LLAMA_BENCH= where that is named: see tests/bench.
bench: all $(BUILD)/tests/clockpipe $(BUILD)/tests/clockrun $(BUILD)/tests/mkrandom $(BUILD)/tests/retype
	@BUILD='$(abspath $(BUILD))' tests/bench

SANITIZE = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

check-asan:
	@$(MAKE) BUILD=$(BUILD)/asan CFLAGS='$(SANITIZE)' check

# The kernels of AArch64 on another machine.  Only their test is linked, which
# needs no library: of those, headers are enough.
CROSS = aarch64-linux-gnu-
QEMU = qemu-aarch64

check-neon:
	@for t in $(CROSS)gcc $(QEMU); do \
		command -v $$t >/dev/null || { \
			echo "check-neon: $$t: not found (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)" >&2; \
			exit 1; \
		}; \
	done
	@$(MAKE) BUILD=$(BUILD)/neon CC=$(CROSS)gcc AR=$(CROSS)ar \
		CFLAGS='-O2 -ffunction-sections -idirafter /usr/include' \
		LDFLAGS='-static -Wl,--gc-sections' LIBS='-lm -pthread' $(BUILD)/neon/tests/kernels
	$(QEMU) $(BUILD)/neon/tests/kernels 1 20

# Every mutation of every header byte, not only a sample of them.
check-fuzz: all testprograms
	@BUILD='$(abspath $(BUILD))' tests/stream-fuzz --full

# Coverage-guided fuzzing of the parsers; needs clang.
fuzz:
	@$(MAKE) BUILD=$(BUILD)/fuzz CC=clang \
		CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link' fuzzers

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/tests/fuzz_%.o $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)

# What the program would leave behind when it dies, fuzz_tokenizer.c keeps account of.
$(BUILD)/fuzz/tokenizer: LDFLAGS += $(patsubst %,-Wl$(comma)--wrap=%,_exit malloc calloc realloc free vasprintf strdup mmap munmap \
	regex_compile regex_free)
comma = ,

fuzzers: $(FUZZERS)
	@for f in $(FUZZERS); do mkdir -p $$f.corpus && \
		$$f -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -print_final_stats=1 $$f.corpus \
			-close_fd_mask=2 tests/corpus/$${f##*/} || exit; \
	done

# ---- installation ----

BINDIR = $(DESTDIR)$(PREFIX)/bin
SHAREDIR = $(DESTDIR)$(PREFIX)/share/lmutils
COMPLETIONS = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
PAGES = $(wildcard man/man*/*.[157])
# With PROGPREFIX, pages name the programs as they are called.
EMPTY =
ALTERNATIVES = $(subst $(EMPTY) $(EMPTY),|,$(strip $(ALL_TOOLS)))
RENAME = sed -E \
	-e 's/^(\.Nm|\.Xr) ($(ALTERNATIVES))( |$$)/\1 $(PROGPREFIX)\2\3/' \
	-e '/^\$$ /s/(^\$$ |[|{;(] *)($(ALTERNATIVES))( |$$)/\1$(PROGPREFIX)\2\3/g'

install: all
	mkdir -p '$(BINDIR)' '$(COMPLETIONS)'
	for t in $(ALL_TOOLS); do \
		install -m 755 $(BUILD)/bin/$$t '$(BINDIR)'/$(PROGPREFIX)$$t && \
		sed -E '/^complete/s/ ($(ALTERNATIVES))/ $(PROGPREFIX)\1/g' cmd/completion.bash \
			>'$(COMPLETIONS)'/$(PROGPREFIX)$$t || exit; \
	done
	for p in $(PAGES); do \
		section=$${p##*.} page=$${p##*/}; \
		case " $(ALL_TOOLS) " in *" $${page%.*} "*) page=$(PROGPREFIX)$$page;; esac; \
		mkdir -p '$(DESTDIR)$(MANDIR)'/man$$section && \
		$(RENAME) $$p >'$(DESTDIR)$(MANDIR)'/man$$section/$$page || exit; \
	done
	for m in $(MODELS); do \
		if [ -d examples/$$m ]; then \
			mkdir -p '$(SHAREDIR)' && cp -R examples/$$m '$(SHAREDIR)'/ || exit; \
		fi; \
	done

uninstall:
	for t in $(ALL_TOOLS); do \
		rm -f '$(BINDIR)'/$(PROGPREFIX)$$t '$(COMPLETIONS)'/$(PROGPREFIX)$$t; \
	done
	for p in $(PAGES); do \
		section=$${p##*.} page=$${p##*/}; \
		case " $(ALL_TOOLS) " in *" $${page%.*} "*) page=$(PROGPREFIX)$$page;; esac; \
		rm -f '$(DESTDIR)$(MANDIR)'/man$$section/$$page; \
	done
	rm -rf '$(SHAREDIR)'

clean:
	rm -rf $(BUILD)
