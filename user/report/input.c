/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "report/input.h"

/* Up to the limit and one byte more, which tells that there is more. */
static int read_all(int fd, size_t max, char **out, size_t *len)
{
	size_t have = 0, room = 0;
	char *data = NULL, *grown;
	ssize_t n;

	for (;;) {
		if (have == room) {
			room = room ? 2 * room : 1u << 16;
			if (room > max + 1)
				room = max + 1;
			grown = realloc(data, room);
			if (!grown) {
				free(data);
				return -ENOMEM;
			}
			data = grown;
		}
		n = read(fd, data + have, room - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			n = -errno;
			free(data);
			return (int)n;
		}
		have += (size_t)n;
		if (!n || have > max)
			break;
	}
	*out = data;
	*len = have;
	return 0;
}

int input_read(const char *path, size_t max, char **data, size_t *len)
{
	bool standard = !strcmp(path, "-");
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int rc;

	if (fd < 0)
		return -errno;
	rc = read_all(fd, max, data, len);
	if (!standard)
		close(fd);
	if (!rc && *len > max) {
		free(*data);
		rc = -EFBIG;
	}
	return rc;
}
