// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// What racy_plugin_registry.go loads: a plugin that enters its handlers into the host's registry.
package main

import "strconv"

// Register is called when the plugin is loaded, and whenever its configuration has changed.
func Register(registry map[string]func() string, turn int) {
	version := strconv.Itoa(turn)
	registry["version"] = func() string { return version }
	registry["health"] = func() string { return "ok" }
}
