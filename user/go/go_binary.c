/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/go_binary.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "go/buildinfo.h"
#include "go/layout_check.h"
#include "go/moduledata.h"
#include "go/pclntab.h"
#include "go/runtime_version.h"
#include "go/symbolize.h"
#include "go/typename.h"
#include "process/elf_reloc.h"

struct go_binary {
	struct elf_file *elf;
	struct buildinfo info;
	const struct go_layout *layout;
	struct moduledata md;
	struct pclntab tab;
	enum { CGO_NOT_ASKED, CGO_NO, CGO_YES } cgo;
};

static int not_go(const char *path, struct err *err)
{
	err_hint(
		err,
		"maprace watches programs built by the Go toolchain (gc); gccgo and TinyGo make others");
	return err_set(err, -ENOEXEC,
		       "%s is not a Go program: it has no Go build info and no Go function table",
		       path);
}

static int check_version(struct go_binary *bin, const char *path, struct err *err)
{
	const char *version = bin->info.version;

	if (bin->info.minor < 0)
		return err_set(
			err, -ENOTSUP,
			"%s does not say which Go version built it (\"%.64s\"): its layout cannot be known",
			path, version);
	bin->layout = go_layout_find(bin->info.minor, bin->info.noswiss);
	if (bin->layout)
		return 0;
	err_hint(err, "build it with one of these versions, or look for a newer maprace");
	return err_set(err, -ENOTSUP,
		       "%s was built with %.64s, which is outside what maprace knows: Go %s", path,
		       version, go_layout_versions());
}

static int check_machine(const struct go_binary *bin, const char *path, struct err *err)
{
	if (elf_file_machine(bin->elf) == EM_X86_64)
		return 0;
	return err_set(err, -ENOTSUP,
		       "%s is a Go program for arm64; maprace watches amd64 ones only", path);
}

/* Whatever contradicts itself from here on is a damaged file, or one that a tool has rewritten. */
static int damaged(const char *path, const char *what, struct err *err)
{
	err_hint(err, "if an unmodified build of it shows the same, please report it");
	return err_set(err, -EBADMSG, "%s: %s", path, what);
}

/* It may be a Go program; but nobody waits until all of it has been looked at. */
static int too_big(const char *path, struct err *err)
{
	return err_set(
		err, -EFBIG,
		"%s is too big: its Go tables are not in the %llu MiB of its data that are looked through",
		path, ELF_SCAN_MAX >> 20);
}

/* Whoever reads a word of the file needs them, and says only that it could not be read. */
static int check_relocs(const struct go_binary *bin, const char *path, struct err *err)
{
	const struct elf_relocs *relocs;

	if (elf_file_relocs(bin->elf, &relocs) != -E2BIG)
		return 0;
	return err_set(err, -E2BIG,
		       "%s has a table of more than %u relocations, which no Go program has", path,
		       ELF_RELOCS_MAX);
}

/* The function table's header; it must be of the version's format where that is known by now, else
 * of one that can be read. */
static int find_functions(struct go_binary *bin, const char *path, bool said, uint64_t *vaddr,
			  struct pclntab_header *header, struct err *err)
{
	int code = check_relocs(bin, path, err);

	if (code)
		return code;
	code = moduledata_find_pclntab(bin->elf, vaddr, header);
	if (code == -ENOMEM)
		return code;
	if (code == -EFBIG)
		return too_big(path, err);
	if (code == -ENOENT)
		return said ? damaged(path, "its Go function table is missing", err)
			    : not_go(path, err);
	if (code || (bin->layout && header->magic != bin->layout->pclntab_magic))
		return damaged(path, "its Go function table is not its version's", err);
	if (header->magic != PCLNTAB_MAGIC_118 && header->magic != PCLNTAB_MAGIC_120)
		return err_set(
			err, -ENOTSUP,
			"%s was built with a Go before 1.18, which is outside what maprace knows: Go %s",
			path, go_layout_versions());
	return 0;
}

/* said: the file has said that it is Go. */
static int load_functions(struct go_binary *bin, const char *path, bool said, struct err *err)
{
	struct err reason = {.text = ""};
	struct pclntab_header header;
	uint64_t vaddr, lo, hi;
	uint8_t *data;
	int code;

	code = find_functions(bin, path, said, &vaddr, &header, err);
	if (code)
		return code;
	code = moduledata_locate(&bin->md, bin->elf, vaddr, &header, &reason);
	if (code == -EFBIG)
		return too_big(path, err);
	if (code)
		return code == -EBADMSG ? damaged(path, reason.text, err) : code;
	/* Asking the file first keeps a hostile size from costing memory. */
	if (elf_file_offset(bin->elf, vaddr + bin->md.pclntab_size - 1, &(uint64_t){0}))
		return damaged(path, "its Go function table is cut off", err);
	data = malloc(bin->md.pclntab_size + 1);
	if (!data)
		return -ENOMEM;
	if (elf_file_read(bin->elf, vaddr, data, bin->md.pclntab_size)) {
		free(data);
		return damaged(path, "its Go function table is cut off", err);
	}
	if (pclntab_init(&bin->tab, data, bin->md.pclntab_size, bin->md.text))
		return damaged(path, "its Go function table contradicts itself", err);
	pclntab_range(&bin->tab, &lo, &hi);
	if (lo != bin->md.minpc || hi != bin->md.maxpc)
		return damaged(
			path, "its Go function table and module data disagree about its code", err);
	elf_file_vouch(bin->elf, vaddr, data, bin->md.pclntab_size);
	return 0;
}

static int take_version(struct buildinfo *info, const char *version)
{
	info->version = strdup(version);
	info->modinfo = strdup("");
	if (!info->version || !info->modinfo)
		return -ENOMEM;
	buildinfo_interpret(info);
	return 0;
}

/* A program without build info (a tool has taken it out): its runtime knows its version too. */
static int ask_runtime(struct go_binary *bin, const char *path, struct err *err)
{
	char version[RUNTIME_VERSION_MAX];
	int code = runtime_version_find(&bin->tab, bin->elf, version);

	if (!code)
		return take_version(&bin->info, version);
	if (code == -ENOMEM)
		return code;
	err_hint(err, "watch a build of it from which nothing was taken out");
	return err_set(
		err, -ENOTSUP,
		"%s is a Go program without build info, and %s: which Go built it, and so its layout, cannot be known",
		path,
		code == -ENOENT ? "its runtime's version is not where it is looked for"
				: "its runtime refers to more than one version");
}

/* Both come from one place in the linker. */
static int check_runtime(const struct go_binary *bin, const char *path, struct err *err)
{
	char version[RUNTIME_VERSION_MAX];
	int code = runtime_version_find(&bin->tab, bin->elf, version);

	if (code == -ENOMEM)
		return code;
	if (code || buildinfo_minor(version) == bin->info.minor)
		return 0; /* whoever changes the one text may have changed the other */
	err_hint(err, "watch a build of it that no tool has changed");
	return err_set(
		err, -EBADMSG,
		"%s has the build info of %.64s and the runtime of %.64s: its layout cannot be known",
		path, bin->info.version, version);
}

/* "go1.24.4", "go1.24.4 X:noswissmap": everybody's is the same. "devel go1.24-1a2b3c4", vendors'. */
static bool is_release(const char *version)
{
	const char *p = version;

	if (strncmp(p, "go1.", 4))
		return false;
	p += 4;
	p += strspn(p, "0123456789.");
	return !*p || !strncmp(p, " X:", 3);
}

/* plugin: what a runtime allocates is described in the host. */
static int check_layout(const struct go_binary *bin, const char *path, bool plugin, struct err *err)
{
	char why[256] = "";
	int code = layout_check(bin->layout, &bin->tab, &bin->md, bin->elf, why, sizeof(why));

	if (code == 1 && !plugin && !is_release(bin->info.version)) {
		snprintf(why, sizeof(why),
			 "nothing in it confirms that it has the layout of Go 1.%d",
			 bin->layout->minor);
		code = -EBADMSG;
	}
	if (code != -EBADMSG)
		return code == 1 ? 0 : code;
	err_hint(err,
		 "watch a build of it by a released Go, whose version text nobody has changed");
	return err_set(err, code, "%s says that it was built with %.64s, but %s", path,
		       bin->info.version, why);
}

static int load_types(struct go_binary *bin, const char *path, bool plugin, struct err *err)
{
	struct err reason = {.text = ""};
	int code = 0;

	if (bin->tab.h.magic != bin->layout->pclntab_magic)
		return damaged(path, "its Go function table is not its version's", err);
	if (!plugin)
		code = check_runtime(bin, path, err);
	if (code)
		return code;
	code = moduledata_read_types(&bin->md, bin->elf, bin->layout, &reason);
	if (code)
		return damaged(path, reason.text, err);
	return check_layout(bin, path, plugin, err);
}

/*
 * A plugin says nothing of itself in older versions (1.19); but its host's toolchain has built it,
 * or it would not have been loaded.
 */
static int load(struct go_binary *bin, const char *path, const struct go_binary *host,
		struct err *err)
{
	bool said = true;
	int code;

	code = elf_file_open(&bin->elf, path, err);
	if (code)
		return code;
	code = buildinfo_read(&bin->info, bin->elf, path, err);
	if (code == -ENOENT) {
		said = false;
		code = host ? take_version(&bin->info, host->info.version) : 0;
	}
	if (!code && bin->info.version)
		code = check_version(bin, path, err);
	if (!code && said)
		code = check_machine(bin, path, err);
	if (!code)
		code = load_functions(bin, path, said, err);
	if (!code && !said)
		code = check_machine(bin, path, err);
	if (!code && !bin->info.version) {
		code = ask_runtime(bin, path, err);
		if (!code)
			code = check_version(bin, path, err);
	}
	return code ? code : load_types(bin, path, host != NULL, err);
}

int go_binary_open(struct go_binary **out, const char *path, struct err *err)
{
	return go_binary_open_plugin(out, path, NULL, err);
}

int go_binary_open_plugin(struct go_binary **out, const char *path, const struct go_binary *host,
			  struct err *err)
{
	struct go_binary *bin = calloc(1, sizeof(*bin));
	int code;

	*out = NULL;
	if (!bin)
		return err_set(err, -ENOMEM, "out of memory while opening %s", path);
	code = load(bin, path, host, err);
	if (code) {
		if (bin->elf && elf_file_has_refused(bin->elf))
			code = elf_file_refuse_written(path, err);
		go_binary_close(bin);
		return err_set(err, code, "cannot read %s: %s", path, strerror(-code));
	}
	*out = bin;
	return 0;
}

void go_binary_close(struct go_binary *bin)
{
	if (!bin)
		return;
	pclntab_free(&bin->tab);
	buildinfo_free(&bin->info);
	elf_file_close(bin->elf);
	free(bin);
}

const struct elf_file *go_binary_elf(const struct go_binary *bin)
{
	return bin->elf;
}

const struct go_layout *go_binary_layout(const struct go_binary *bin)
{
	return bin->layout;
}

const char *go_binary_version(const struct go_binary *bin)
{
	return bin->info.version;
}

const char *go_binary_module(const struct go_binary *bin)
{
	return bin->info.module;
}

bool go_binary_is_cgo(const struct go_binary *bin)
{
	/* CGO_ENABLED in the build info only permits it; package runtime/cgo exports this function
	 * in every version. */
	static const char *const exported[] = {"_cgo_panic"};
	/* Constant for whoever asks, once a second: all functions are gone through. */
	struct go_binary *cache = (struct go_binary *)bin;
	struct go_func f;

	if (bin->cgo == CGO_NOT_ASKED)
		cache->cgo = !pclntab_find_funcs(&bin->tab, exported, 1, &f) && f.name ? CGO_YES
										       : CGO_NO;
	return bin->cgo == CGO_YES;
}

bool go_binary_is_race(const struct go_binary *bin)
{
	return bin->info.race;
}

uint64_t go_binary_text(const struct go_binary *bin)
{
	return bin->md.text;
}

size_t go_binary_func_count(const struct go_binary *bin)
{
	return bin->tab.h.n_funcs;
}

int go_binary_func_at(const struct go_binary *bin, size_t i, struct go_func *out)
{
	struct pclntab_func f;
	int err = pclntab_func_at(&bin->tab, i, &f);

	if (!err)
		*out = f.base;
	return err;
}

int go_binary_func_by_pc(const struct go_binary *bin, uint64_t pc, struct go_func *out)
{
	struct pclntab_func f;
	int err = pclntab_func_by_pc(&bin->tab, pc, &f);

	if (!err)
		*out = f.base;
	return err;
}

int go_binary_find_funcs(const struct go_binary *bin, const char *const *names, size_t n,
			 struct go_func *out)
{
	return pclntab_find_funcs(&bin->tab, names, n, out);
}

int go_binary_sp_regions(const struct go_binary *bin, const struct go_func *f,
			 struct go_sp_region *out, size_t max)
{
	struct pclntab_func func;
	struct pcvalue it;
	int err, n = 0;

	err = pclntab_func_at(&bin->tab, f->index, &func);
	if (!err)
		err = pclntab_values(&bin->tab, &func, func.pcsp, &it);
	if (err)
		return err == -ENOENT ? 0 : err;
	while ((err = pcvalue_next(&it)) == 1) {
		if ((size_t)n < max)
			out[n] = (struct go_sp_region){.lo = it.lo, .hi = it.hi, .delta = it.value};
		n++;
	}
	return err ? err : n;
}

int go_binary_sp_delta(const struct go_binary *bin, uint64_t pc, struct go_func *f, int32_t *delta)
{
	struct pclntab_func func;
	struct pcvalue it;
	int err;

	err = pclntab_func_by_pc(&bin->tab, pc, &func);
	if (!err)
		err = pclntab_values(&bin->tab, &func, func.pcsp, &it);
	if (!err)
		err = pcvalue_find(&it, pc, delta);
	if (!err)
		*f = func.base;
	return err;
}

void go_binary_types(const struct go_binary *bin, uint64_t *lo, uint64_t *hi)
{
	*lo = bin->md.types;
	*hi = bin->md.etypes;
}

int go_binary_frames(const struct go_binary *bin, uint64_t pc, bool is_return, struct go_frame *out,
		     size_t max)
{
	return symbolize(&bin->tab, bin->elf, bin->md.gofunc, pc, is_return, out, max);
}

int go_binary_type_name(const struct go_binary *bin, uint64_t type, char *buf, size_t len)
{
	return typename_static(bin->elf, &bin->md, type, buf, len);
}

int go_binary_live_type_name(const struct go_binary *bin, uint64_t bias, uint64_t type,
			     go_read_mem read_mem, void *ctx, char *buf, size_t len)
{
	return typename_live(bin->elf, &bin->md, bias, type, read_mem, ctx, buf, len);
}

int go_binary_string(const struct go_binary *bin, uint64_t addr, size_t n, char *buf, size_t len)
{
	int err;

	if (!len)
		return -EINVAL;
	if (n > len - 1)
		n = len - 1;
	err = n ? elf_file_read(bin->elf, addr, buf, n) : 0;
	buf[err ? 0 : n] = '\0';
	return err;
}
