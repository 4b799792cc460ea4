/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "base/kernel.h"

#include <stdio.h>
#include <sys/utsname.h>

bool kernel_is_older(unsigned int major, unsigned int minor)
{
	unsigned int its_major, its_minor;
	struct utsname name;

	return !uname(&name) && sscanf(name.release, "%u.%u", &its_major, &its_minor) == 2 &&
	       (its_major < major || (its_major == major && its_minor < minor));
}
