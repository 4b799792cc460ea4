/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/json_read.h"

/* Reads up to the limit and one byte more, which tells that there is more; the file's size is not
 * believed (pipes have none). */
static int read_all(int fd, char **out, size_t *len)
{
	size_t have = 0, room = 0;
	char *data = NULL, *grown;
	ssize_t n;

	for (;;) {
		if (have == room) {
			room = room ? 2 * room : 1u << 16;
			if (room > JSON_READ_MAX + 1)
				room = JSON_READ_MAX + 1;
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
		if (!n || have > JSON_READ_MAX)
			break;
	}
	*out = data;
	*len = have;
	return 0;
}

int json_read_report(const char *path, struct report *report, struct err *err)
{
	bool standard = !strcmp(path, "-");
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	char *data = NULL;
	int rc;

	memset(report, 0, sizeof(*report));
	if (fd < 0)
		return err_set(err, -errno, "cannot open it: %s", strerror(errno));
	rc = read_all(fd, &data, &len);
	if (!standard)
		close(fd);
	if (rc)
		return err_set(err, rc, "cannot read it: %s", strerror(-rc));
	rc = json_read_buffer(data, len, report, err);
	free(data);
	return rc;
}
