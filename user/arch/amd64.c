/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "arch/amd64.h"

/* As Go writes it: a comparison with the stack pointer, then jbe. An address is never below 0. */
asm(".text\n"
    ".globl arch_calibration_target, arch_calibration_site\n"
    ".type arch_calibration_target, @function\n"
    "arch_calibration_target:\n"
    "	cmp $0, %rsp\n"
    "arch_calibration_site:\n"
    "	jbe 1f\n"
    "1:	ret\n"
    ".size arch_calibration_target, . - arch_calibration_target\n");
