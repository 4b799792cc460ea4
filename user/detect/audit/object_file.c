/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Files that are an object of BPF code, or hold some: a program with skeletons. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/open_file.h"
#include "detect/audit/object.h"

static int read_whole(int fd, uint8_t *data, size_t *size)
{
	size_t n = 0;
	ssize_t got;

	while (n < *size) {
		got = read(fd, data + n, *size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += (size_t)got;
	}
	*size = n;
	return 0;
}

int audit_file_read(const char *path, uint8_t **data, size_t *size, struct err *err)
{
	int found = file_find(path), fd, r;
	struct stat st;

	*data = NULL;
	fd = found < 0 ? found : file_open_found(found);
	if (found >= 0)
		close(found);
	if (fd < 0)
		return err_set(err, fd, "cannot read %s: %s", path, err_name(fd));
	r = fstat(fd, &st) ? -errno : 0;
	if (!r && st.st_size > ELF_OBJECT_MAX) {
		close(fd);
		return err_set(err, -EFBIG, "%s is larger than %u MiB", path, ELF_OBJECT_MAX >> 20);
	}
	if (!r) {
		*size = (size_t)st.st_size;
		*data = malloc(*size + 1);
		r = *data ? read_whole(fd, *data, size) : -ENOMEM;
	}
	close(fd);
	if (!r)
		return 0;
	free(*data);
	*data = NULL;
	return err_set(err, r, "cannot read %s: %s", path, err_name(r));
}

bool audit_file_next(const uint8_t *data, size_t size, size_t *at)
{
	const uint8_t *found;

	while (*at < size) {
		found = memmem(data + *at, size - *at, ELFMAG, SELFMAG);
		if (!found)
			return false;
		*at = (size_t)(found - data);
		if (elf_object_is_bpf(found, size - *at))
			return true;
		*at += 1;
	}
	return false;
}
