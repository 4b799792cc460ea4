/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Container, pod and unit, from control groups as they are found on hosts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/names.h"

#define ID "4f2c0bd9e3a1d7c85a6b1f0e9d8c7b6a594837261504f3e2d1c0b9a897867564"
#define ID2 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define POD "1b2c3d4e-5f60-4718-92a3-b4c5d6e7f809"
#define POD_ "1b2c3d4e_5f60_4718_92a3_b4c5d6e7f809"

static const struct shape {
	const char *groups, *container, *pod, *unit;
} shapes[] = {
	/* nothing to be told */
	{"", "", "", ""},
	{"0::/\n", "", "", ""},
	{"0::/init.scope\n", "", "", "init.scope"},
	/* Docker: systemd's driver on version 2, its own on version 1 */
	{"0::/system.slice/docker-" ID ".scope\n", ID, "", ""},
	{"12:cpu,cpuacct:/docker/" ID "\n11:memory:/docker/" ID "\n1:name=systemd:/docker/" ID
	 "\n0::/system.slice/containerd.service\n",
	 ID, "", "containerd.service"},
	/* Docker in Docker: the inner one */
	{"0::/docker/" ID "/docker/" ID2 "\n", ID2, "", ""},
	/* kubelet with containerd: systemd's driver, its own, and the name without a driver */
	{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_
	 ".slice/cri-containerd-" ID ".scope\n",
	 ID, POD, ""},
	{"0::/kubepods/burstable/pod" POD "/" ID "\n", ID, POD, ""},
	{"0::/kubepods/pod" POD "/" ID "\n", ID, POD, ""},
	{"11:memory:/system.slice/containerd.service/kubepods-besteffort-pod" POD_
	 ".slice:cri-containerd:" ID "\n",
	 ID, POD, ""},
	/* a pod of a file on the node: kubelet makes a uid without dashes of it */
	{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
	 "0123456789abcdef0123456789abcdef.slice/cri-containerd-" ID ".scope\n",
	 ID, "0123456789abcdef0123456789abcdef", ""},
	/* CRI-O, and what watches over a container of it */
	{"0::/kubepods.slice/kubepods-pod" POD_ ".slice/crio-" ID ".scope\n", ID, POD, ""},
	{"0::/kubepods.slice/kubepods-pod" POD_ ".slice/crio-conmon-" ID ".scope\n", "", POD,
	 "crio-conmon-" ID ".scope"},
	/* kubelet's own driver with CRI-O, on version 1; cri-dockerd; kind, whose node is a
	   container itself */
	{"11:memory:/kubepods/besteffort/pod" POD "/crio-" ID
	 "\n1:name=systemd:/kubepods/besteffort/pod" POD "/crio-" ID "\n",
	 ID, POD, ""},
	{"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" POD_
	 ".slice/docker-" ID ".scope\n",
	 ID, POD, ""},
	{"0::/docker/" ID2 "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
	 "kubelet-kubepods-burstable-pod" POD_ ".slice/cri-containerd-" ID ".scope\n",
	 ID, POD, ""},
	/* CRI-O with crun: a group of the payload's own */
	{"0::/kubepods.slice/kubepods-pod" POD_ ".slice/crio-" ID ".scope/container\n", ID, POD,
	 ""},
	/* seen from a container of another pod, which has a cgroup namespace of its own */
	{"0::/../../../kubepods-burstable.slice/kubepods-burstable-pod" POD_
	 ".slice/cri-containerd-" ID ".scope\n",
	 ID, POD, ""},
	{"0::/../../kubepods-besteffort-pod" POD_ ".slice/crio-" ID ".scope\n", ID, POD, ""},
	{"0::/../../../pod" POD "/" ID "\n", ID, POD, ""},
	/* Podman: as root, of a user (with a group of the payload's own), in a pod */
	{"0::/machine.slice/libpod-" ID ".scope/container\n", ID, "", ""},
	{"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope\n", ID,
	 "", "user@1000.service"},
	{"0::/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope\n", ID, "", ""},
	{"0::/libpod_parent/libpod-" ID "\n", ID, "", ""},
	/* seen from another cgroup namespace */
	{"0::/../cri-containerd-" ID ".scope\n", ID, "", ""},
	/* by name */
	{"0::/lxc.payload.web1/system.slice/nginx.service\n", "web1", "", "nginx.service"},
	{"4:devices:/lxc/web1\n", "web1", "", ""},
	{"0::/machine.slice/systemd-nspawn@deb.service/payload\n", "deb", "", ""},
	{"0::/machine.slice/machine-deb.scope/payload\n", "deb", "", ""},
	/* systemd */
	{"0::/system.slice/nginx.service\n", "", "", "nginx.service"},
	{"0::/system.slice/system-getty.slice/getty@tty1.service\n", "", "", "getty@tty1.service"},
	{"0::/user.slice/user-1000.slice/session-3.scope\n", "", "", "session-3.scope"},
	{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-foo.service\n", "", "",
	 "app-foo.service"},
	{"5:cpu:/\n1:name=systemd:/system.slice/a:b.service\n", "", "", "a:b.service"},
	/* alike, and not the same */
	{"0::/system.slice/podman.service\n", "", "", "podman.service"},
	{"0::/tripod-" POD "\n", "", "", ""},
	{"0::/docker-" ID "0.scope\n", "", "", "docker-" ID "0.scope"},
	{"0:\n:\nx\n0::", "", "", ""},
};

static void test_shapes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct names names;

		names_of_groups(&names, shapes[i].groups);
		assert_string_equal(names.container, shapes[i].container);
		assert_string_equal(names.pod, shapes[i].pod);
		assert_string_equal(names.unit, shapes[i].unit);
	}
}

static void test_in_group(void **state)
{
	static const char groups[] = "1:cpu:/old/x\n0::/system.slice/nginx.service\n";

	(void)state;
	assert_true(names_in_group(groups, "/system.slice"));
	assert_true(names_in_group(groups, "system.slice/nginx.service/"));
	assert_true(names_in_group(groups, "/sys/fs/cgroup/system.slice"));
	assert_true(names_in_group(groups, "/old"));
	assert_true(names_in_group(groups, "/"));
	assert_false(names_in_group(groups, "/system"));
	assert_false(names_in_group(groups, "/system.slice/nginx"));
	assert_false(names_in_group(groups, "/system.slice/nginx.service/below"));
	assert_false(names_in_group("", "/"));
}

static void test_ourselves(void **state)
{
	struct identity id;

	(void)state;
	assert_int_equal(identity_read(&id, getpid()), 0);
	assert_int_equal(id.parent, getppid());
	assert_int_equal(id.uid, geteuid());
	assert_non_null(strstr(id.args, "test_names"));
	identity_free(&id);
	assert_int_equal(identity_read(&id, 0x7fffffff), -3);
	assert_string_equal(id.args, "");
	assert_string_equal(id.names.unit, "");
	identity_free(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_in_group),
		cmocka_unit_test(test_ourselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
