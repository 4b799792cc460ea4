/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "report/json/json_names.h"

const char *json_role(enum report_evidence evidence, size_t which)
{
	switch (evidence) {
	case REPORT_FATAL:
		return which ? "last-seen" : "died";
	case REPORT_COLLISION:
		return which ? "held" : "entered";
	case REPORT_IN_FLIGHT:
		return which ? "last-seen" : "entered";
	case REPORT_WINDOW:
		return which ? "previous" : "entered";
	case REPORT_SEQUENCE:
		return which ? "between" : "wrote-back";
	case REPORT_EVIDENCES:
		break;
	}
	return "entered";
}
