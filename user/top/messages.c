/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "top/messages.h"

#include <stdlib.h>
#include <string.h>

static struct {
	char lines[MESSAGES_KEPT][MESSAGE_LENGTH + 1];
	size_t count;  /* that were ended */
	size_t length; /* of the one that is not */
} * kept;

static char *line(size_t i)
{
	return kept->lines[i % MESSAGES_KEPT];
}

static void put(char c)
{
	if (c == '\n') {
		line(kept->count)[kept->length] = '\0';
		kept->count++;
		kept->length = 0;
	} else if (kept->length < MESSAGE_LENGTH) {
		line(kept->count)[kept->length++] = c;
	}
}

static ssize_t take(void *cookie, const char *text, size_t n)
{
	size_t i;

	(void)cookie;
	for (i = 0; i < n; i++)
		put(text[i]);
	return (ssize_t)n;
}

FILE *messages_open(void)
{
	const cookie_io_functions_t functions = {.write = take};
	FILE *stream;

	kept = calloc(1, sizeof(*kept));
	stream = kept ? fopencookie(NULL, "w", functions) : NULL;
	if (stream)
		setvbuf(stream, NULL, _IOLBF, 0);
	return stream;
}

size_t messages_count(void)
{
	return kept ? kept->count : 0;
}

const char *messages_last(void)
{
	return messages_count() ? line(kept->count - 1) : NULL;
}

void messages_close(FILE *stream, FILE *to)
{
	/* of the oldest place the line that is being written has taken */
	size_t i = messages_count() < MESSAGES_KEPT ? 0 : kept->count - MESSAGES_KEPT + 1;

	if (stream)
		fclose(stream);
	for (; to && i < messages_count(); i++)
		fprintf(to, "%s\n", line(i));
	free(kept);
	kept = NULL;
}
