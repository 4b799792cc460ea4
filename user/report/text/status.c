/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/text/status.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define DEFAULT_WIDTH 80
/* Carriage return, erase to the end of the line. */
#define ERASE "\r\033[K"

static struct {
	int fd; /* -1: closed */
	bool drawn;
	double last_s;
	uint64_t last_operations;
	double rate;
} line = {.fd = -1};

static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(line.fd, TIOCGWINSZ, &size) || size.ws_col < 2)
		return DEFAULT_WIDTH;
	return size.ws_col;
}

/* A terminal that does not take the bytes loses a redraw, nothing else. */
static void put(const char *s, size_t n)
{
	if (write(line.fd, s, n) < 0)
		line.drawn = false;
}

/* "950", "12.3k", "4.5M": at most three figures before the unit. */
static void format_rate(char *buf, size_t len, double n)
{
	static const char units[] = {'k', 'M', 'G', 'T'};
	size_t unit = 0;

	if (n < 999.5) {
		snprintf(buf, len, "%.0f", n);
		return;
	}
	n /= 1e3;
	while (n >= 999.95 && unit + 1 < sizeof(units)) {
		n /= 1e3;
		unit++;
	}
	snprintf(buf, len, "%.1f%c", n, units[unit]);
}

static void format_elapsed(char *buf, size_t len, double seconds)
{
	uint64_t s = seconds > 0 && seconds < 1e15 ? (uint64_t)seconds : 0;

	if (s < 60)
		snprintf(buf, len, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(buf, len, "%" PRIu64 "m%02us", s / 60, (unsigned int)(s % 60));
	else
		snprintf(buf, len, "%" PRIu64 "h%02um%02us", s / 3600, (unsigned int)(s / 60 % 60),
			 (unsigned int)(s % 60));
}

static void update_rate(const struct status *status)
{
	double seconds = status->elapsed_s - line.last_s;

	/* Two draws in a row (after a report, say) would make a wild figure of a few operations. */
	if (seconds < 0.05 || status->operations < line.last_operations)
		return;
	line.rate = (double)(status->operations - line.last_operations) / seconds;
	line.last_s = status->elapsed_s;
	line.last_operations = status->operations;
}

void status_open(int fd)
{
	memset(&line, 0, sizeof(line));
	line.fd = fd;
}

void status_draw(const struct status *status)
{
	char elapsed[32], rate[32], cost[32] = "", watched[32] = "", text[256];
	size_t width;
	int n;

	if (line.fd < 0)
		return;
	update_rate(status);
	format_elapsed(elapsed, sizeof(elapsed), status->elapsed_s);
	format_rate(rate, sizeof(rate), line.rate);
	if (status->cost_percent >= 0)
		snprintf(cost, sizeof(cost), "  cost %.1f%%", status->cost_percent);
	if (status->unwatched > 0.005)
		snprintf(watched, sizeof(watched), "  %.0f%% watched",
			 100 * (1 - status->unwatched));
	n = snprintf(text, sizeof(text),
		     ERASE "%s  %s ops/s  %" PRIu64 " maps  %" PRIu64 " holds  %" PRIu64 " %s%s%s",
		     elapsed, rate, status->maps, status->holds, status->races,
		     status->races == 1 ? "race" : "races", cost, watched);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	/* One column stays free: a full line would make some terminals wrap and leave rests behind.
	 */
	width = terminal_width() - 1 + strlen(ERASE);
	if ((size_t)n > width)
		n = (int)width;
	line.drawn = true;
	put(text, (size_t)n);
}

void status_clear(void)
{
	if (line.fd < 0 || !line.drawn)
		return;
	line.drawn = false;
	put(ERASE, strlen(ERASE));
}

void status_close(void)
{
	status_clear();
	line.fd = -1;
}
