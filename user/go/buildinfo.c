/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "go/buildinfo.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

/*
 * Header: the magic, a byte with the pointer size, a byte of flags; 32 bytes in all, aligned to 16.
 * With FLAG_INLINE (Go 1.18) two strings follow it, each with its length as a varint before it;
 * without, two pointers to string headers do.
 */
#define MAGIC "\xff Go buildinf:"
#define MAGIC_LEN 14
#define HEADER_LEN 32
#define ALIGN 16
#define FLAG_BIG_ENDIAN 1
#define FLAG_INLINE 2
#define MAX_STRING (4u << 20) /* module lists of big programs take tens of KiB */
#define SCAN_CHUNK (64u << 10)
#define SENTINEL_LEN \
	16 /* fixed bytes, some of them zero, before and after the module information */

struct blob { /* a string that may hold zero bytes; owned, a NUL stands behind it */
	char *data;
	size_t len;
};

/* Whether a header stands at vaddr; copies it. */
static bool is_header(const struct elf_file *elf, uint64_t vaddr, uint8_t header[HEADER_LEN])
{
	return !elf_file_read(elf, vaddr, header, HEADER_LEN) && !memcmp(header, MAGIC, MAGIC_LEN);
}

static int scan_segment(const struct elf_file *elf, const struct elf_segment *s, uint64_t *vaddr)
{
	uint64_t pos;
	uint8_t *chunk = malloc(SCAN_CHUNK);
	int err = -ENOENT;

	if (!chunk)
		return -ENOMEM;
	for (pos = 0; pos < s->filesz && err == -ENOENT; pos += SCAN_CHUNK) {
		size_t i, len = s->filesz - pos < SCAN_CHUNK ? s->filesz - pos : SCAN_CHUNK;

		if (!elf_file_scan_more(elf, len)) {
			err = -EFBIG;
			break;
		}
		if (elf_file_read(elf, s->vaddr + pos, chunk, len))
			break;
		for (i = 0; i + MAGIC_LEN <= len; i += ALIGN) {
			if (memcmp(chunk + i, MAGIC, MAGIC_LEN) != 0)
				continue;
			*vaddr = s->vaddr + pos + i;
			err = 0;
			break;
		}
	}
	free(chunk);
	return err;
}

static int find_header(const struct elf_file *elf, uint64_t *vaddr, uint8_t header[HEADER_LEN])
{
	const struct elf_section *section = elf_file_section(elf, ".go.buildinfo");
	const struct elf_segment *segments;
	size_t i, n = elf_file_segments(elf, &segments);

	if (section && is_header(elf, section->addr, header)) {
		*vaddr = section->addr;
		return 0;
	}
	/* The section is named in every file a Go linker wrote; other tools rename or drop
	 * sections. */
	for (i = 0; i < n; i++) {
		int err;

		if (segments[i].flags & PF_X)
			continue;
		err = scan_segment(elf, &segments[i], vaddr);
		if (!err)
			return is_header(elf, *vaddr, header) ? 0 : -ENOENT;
		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}

static int read_string(const struct elf_file *elf, uint64_t vaddr, uint64_t len, struct blob *out)
{
	int err;

	if (len > MAX_STRING)
		return -EBADMSG;
	out->data = malloc(len + 1);
	if (!out->data)
		return -ENOMEM;
	out->len = len;
	err = len ? elf_file_read(elf, vaddr, out->data, len) : 0;
	out->data[len] = '\0';
	return err ? -EBADMSG : 0;
}

/* A length and the bytes; moves vaddr behind them. */
static int read_inline(const struct elf_file *elf, uint64_t *vaddr, struct blob *out)
{
	uint64_t len = 0;
	unsigned int shift;
	int err;

	for (shift = 0; shift < 35; shift += 7) {
		uint8_t byte;

		if (elf_file_read(elf, (*vaddr)++, &byte, 1))
			return -EBADMSG;
		len |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		err = read_string(elf, *vaddr, len, out);
		*vaddr += len;
		return err;
	}
	return -EBADMSG;
}

/* Go up to 1.17: the header holds the address of a string header, pointer and length. */
static int read_pointed(const struct elf_file *elf, uint64_t place, struct blob *out)
{
	uint64_t header, data, len;

	if (elf_file_read_u64(elf, place, &header))
		return -EBADMSG;
	if (!header)
		return read_string(elf, 0, 0, out);
	if (elf_file_read_u64(elf, header, &data) || elf_file_read_u64(elf, header + 8, &len))
		return -EBADMSG;
	return read_string(elf, data, len, out);
}

static int read_strings(const struct elf_file *elf, uint64_t vaddr,
			const uint8_t header[HEADER_LEN], struct blob *version,
			struct blob *modinfo)
{
	uint8_t flags = header[MAGIC_LEN + 1];
	int err;

	if (flags & FLAG_INLINE) {
		vaddr += HEADER_LEN;
		err = read_inline(elf, &vaddr, version);
		return err ? err : read_inline(elf, &vaddr, modinfo);
	}
	if ((flags & FLAG_BIG_ENDIAN) || header[MAGIC_LEN] != 8)
		return -EBADMSG;
	err = read_pointed(elf, vaddr + 16, version);
	if (err)
		return err;
	err = read_pointed(elf, vaddr + 24, modinfo);
	if (err != -EBADMSG)
		return err;
	/* Built without modules: an empty string, in .bss, of which the file holds nothing. */
	free(modinfo->data);
	return read_string(elf, 0, 0, modinfo);
}

/* The text between the sentinels, in place. Without them it is not module information. */
static void trim_sentinels(struct blob *modinfo)
{
	size_t len = modinfo->len;

	if (len < 2 * SENTINEL_LEN + 1 || modinfo->data[len - SENTINEL_LEN - 1] != '\n') {
		modinfo->data[0] = '\0';
		return;
	}
	len -= 2 * SENTINEL_LEN;
	memmove(modinfo->data, modinfo->data + SENTINEL_LEN, len);
	modinfo->data[len] = '\0';
}

int buildinfo_minor(const char *version)
{
	const char *p = strstr(version, "go1.");
	int minor = 0;

	if (!p)
		return -1;
	p += 4;
	if (*p < '0' || *p > '9')
		return -1;
	while (*p >= '0' && *p <= '9' && minor < 1000)
		minor = minor * 10 + (*p++ - '0');
	return minor;
}

bool buildinfo_unreleased(const char *version, int minor)
{
	return buildinfo_minor(version) == minor &&
	       (strstr(version, "devel") || strstr(version, "rc") || strstr(version, "beta"));
}

/* The first field of the first line that starts with key and a tab. */
static void copy_field(const char *modinfo, const char *key, char *out, size_t size)
{
	size_t len = strlen(key);
	const char *line = modinfo;

	while (line && *line) {
		if (!strncmp(line, key, len) && line[len] == '\t') {
			snprintf(out, size, "%.*s", (int)strcspn(line + len + 1, "\t\n"),
				 line + len + 1);
			return;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
}

/* They end up in messages: a file must not write to somebody's terminal what it likes. */
static void make_printable(char *s)
{
	for (; *s; s++) {
		if (*s < ' ' || *s > '~')
			*s = '?';
	}
}

static bool has_experiment(const struct buildinfo *info, const char *name)
{
	const char *line = strstr(info->modinfo, "\nbuild\tGOEXPERIMENT=");
	const char *x = strstr(info->version, " X:");
	const char *hit;

	if (x && strstr(x, name))
		return true;
	if (!line)
		return false;
	line++;
	hit = strstr(line, name);
	return hit && hit < line + strcspn(line, "\n");
}

void buildinfo_interpret(struct buildinfo *info)
{
	info->minor = buildinfo_minor(info->version);
	info->module[0] = '\0';
	copy_field(info->modinfo, "mod", info->module, sizeof(info->module));
	if (!info->module[0])
		copy_field(info->modinfo, "path", info->module, sizeof(info->module));
	make_printable(info->version);
	make_printable(info->module);
	info->noswiss = has_experiment(info, "noswissmap");
	info->race = strstr(info->modinfo, "\nbuild\t-race=true\n") != NULL;
}

int buildinfo_read(struct buildinfo *info, const struct elf_file *elf, const char *path,
		   struct err *err)
{
	struct blob version = {0}, modinfo = {0};
	uint8_t header[HEADER_LEN];
	uint64_t vaddr;
	int code;

	memset(info, 0, sizeof(*info));
	info->minor = -1;
	code = find_header(elf, &vaddr, header);
	if (code == -EFBIG)
		return err_set(
			err, code,
			"%s is not known to be a Go program: no build info is in the %llu MiB of its data that are looked through",
			path, ELF_SCAN_MAX >> 20);
	if (code)
		return code;
	code = read_strings(elf, vaddr, header, &version, &modinfo);
	if (code) {
		free(version.data);
		free(modinfo.data);
		err_hint(err, "fetch or build the file again");
		return err_set(err, code,
			       "%s is a damaged Go program: its build info cannot be read (%s)",
			       path, err_name(code));
	}
	trim_sentinels(&modinfo);
	info->version = version.data;
	info->modinfo = modinfo.data;
	buildinfo_interpret(info);
	return 0;
}

void buildinfo_free(struct buildinfo *info)
{
	free(info->version);
	free(info->modinfo);
	memset(info, 0, sizeof(*info));
	info->minor = -1;
}
