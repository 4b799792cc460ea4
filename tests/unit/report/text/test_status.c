/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "report/text/status.h"

/* A terminal of our own: what is drawn to slave comes out at master. */
static int master, slave;
static char drawn[512];

static void open_terminal(unsigned short columns)
{
	struct winsize size = {.ws_row = 24, .ws_col = columns};
	struct termios mode;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(master >= 0 && !grantpt(master) && !unlockpt(master));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(tcgetattr(slave, &mode), 0);
	cfmakeraw(&mode);
	assert_int_equal(tcsetattr(slave, TCSANOW, &mode), 0);
	assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
}

static void close_terminal(void)
{
	close(slave);
	close(master);
}

static const char *take(void)
{
	ssize_t n = read(master, drawn, sizeof(drawn) - 1);

	drawn[n > 0 ? n : 0] = '\0';
	return drawn;
}

static const struct status busy = {.elapsed_s = 2,
				   .operations = 24600,
				   .maps = 31,
				   .holds = 312,
				   .races = 1,
				   .cost_percent = 0.84};

static void test_line(void **state)
{
	struct status later = busy;

	(void)state;
	open_terminal(80);
	status_open(slave);
	status_draw(&busy);
	assert_string_equal(take(),
			    "\r\033[K2s  12.3k ops/s  31 maps  312 holds  1 race  cost 0.8%");
	later.elapsed_s = 125;
	later.operations += 123 * 500;
	later.races = 2;
	later.cost_percent = -1;
	status_draw(&later);
	assert_string_equal(take(), "\r\033[K2m05s  500 ops/s  31 maps  312 holds  2 races");
	later.unwatched = 0.88;
	status_draw(&later);
	assert_string_equal(take(),
			    "\r\033[K2m05s  500 ops/s  31 maps  312 holds  2 races  12% watched");
	status_close();
	close_terminal();
}

/* A second draw at the same moment keeps the rate. */
static void test_rate_needs_time(void **state)
{
	struct status again = busy;

	(void)state;
	open_terminal(80);
	status_open(slave);
	status_draw(&busy);
	take();
	again.elapsed_s += 0.001;
	again.operations += 1000;
	status_draw(&again);
	assert_non_null(strstr(take(), "  12.3k ops/s"));
	status_close();
	close_terminal();
}

static void test_clear(void **state)
{
	(void)state;
	open_terminal(80);
	status_open(slave);
	status_clear();
	assert_string_equal(take(), "");
	status_draw(&busy);
	take();
	status_clear();
	assert_string_equal(take(), "\r\033[K");
	status_clear();
	assert_string_equal(take(), "");
	status_draw(&busy);
	take();
	status_close();
	assert_string_equal(take(), "\r\033[K");
	close_terminal();
}

static void test_narrow_terminal(void **state)
{
	(void)state;
	open_terminal(20);
	status_open(slave);
	status_draw(&busy);
	assert_string_equal(take(), "\r\033[K2s  12.3k ops/s  31");
	status_close();
	close_terminal();
}

static void test_silent_until_opened(void **state)
{
	(void)state;
	open_terminal(80);
	status_draw(&busy);
	status_clear();
	status_close();
	status_open(slave);
	status_close();
	status_draw(&busy);
	assert_string_equal(take(), "");
	close_terminal();
}

/* A message in between takes the line off before it is printed. */
static void test_log_clears(void **state)
{
	(void)state;
	open_terminal(80);
	status_open(slave);
	status_draw(&busy);
	take();
	log_set_before(status_clear);
	log_info("something happened");
	log_set_before(NULL);
	assert_string_equal(take(), "\r\033[K");
	status_close();
	close_terminal();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_rate_needs_time),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_narrow_terminal),
		cmocka_unit_test(test_silent_until_opened),
		cmocka_unit_test(test_log_clears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
