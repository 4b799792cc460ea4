/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

#define LIST_MAX 100000
#define RANGE_KEYS 16 /* keys that all connections read together */

struct entry {
	char *path;
	struct buffer want;
};

struct plan {
	bool etcd;
	struct entry *entries;
	size_t count;
};

static int entry_load(struct entry *entry, const char *path, const char *file)
{
	FILE *in = fopen(file, "re");
	char block[65536];
	size_t got;
	int err = 0;

	if (!in) {
		fprintf(stderr, "load: %s: %s\n", file, strerror(errno));
		return -ENOENT;
	}
	while (!err && (got = fread(block, 1, sizeof(block), in)) > 0)
		err = buffer_append(&entry->want, block, got);
	fclose(in);
	entry->path = strdup(path);
	return entry->path ? err : -ENOMEM;
}

static int list_load(struct plan *plan, FILE *in)
{
	char path[4096], file[4096];

	while (plan->count < LIST_MAX && fscanf(in, "%4095s %4095s", path, file) == 2) {
		struct entry *grown = reallocarray(plan->entries, plan->count + 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		plan->entries = grown;
		grown[plan->count] = (struct entry){0};
		if (entry_load(&grown[plan->count++], path, file))
			return -ENOENT;
	}
	return plan->count ? 0 : -EINVAL;
}

struct plan *plan_open_list(const char *path)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	FILE *in = fopen(path, "re");

	if (!plan || !in || list_load(plan, in)) {
		fprintf(stderr, "load: no list of requests in %s\n", path);
		plan_free(plan);
		plan = NULL;
	}
	if (in)
		fclose(in);
	return plan;
}

struct plan *plan_open_etcd(void)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (plan)
		plan->etcd = true;
	return plan;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->entries[i].path);
		buffer_free(&plan->entries[i].want);
	}
	free(plan->entries);
	free(plan);
}

/* base64 (RFC 4648) of a short text, as the gateway wants keys and values */
static const char *base64(const char *text, char *out, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text), at = 0;

	for (size_t i = 0; i < len && at + 5 <= size; i += 3) {
		unsigned bits = (unsigned char)text[i] << 16;

		if (i + 1 < len)
			bits |= (unsigned char)text[i + 1] << 8;
		if (i + 2 < len)
			bits |= (unsigned char)text[i + 2];
		out[at++] = digits[bits >> 18 & 63];
		out[at++] = digits[bits >> 12 & 63];
		out[at++] = i + 1 < len ? digits[bits >> 6 & 63] : '=';
		out[at++] = i + 2 < len ? digits[bits & 63] : '=';
	}
	out[at] = 0;
	return out;
}

static int post(struct buffer *request, const char *path, const char *json)
{
	return buffer_printf(
		request,
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		path, strlen(json), json);
}

/* the connection's own key and the value of a step */
static void own_pair(const struct place *place, unsigned step, char key[64], char value[256])
{
	char text[160];
	int len;

	snprintf(text, sizeof(text), "own/%u/%u", place->conn, step % 8);
	base64(text, key, 64);
	len = snprintf(text, sizeof(text), "value %u of connection %u ", step, place->conn);
	memset(text + len, 'a' + step % 26, 64);
	text[len + 64] = 0;
	base64(text, value, 256);
}

static void range_pair(unsigned i, char key[64], char value[256])
{
	char text[64];

	snprintf(text, sizeof(text), "all/%02u", i);
	base64(text, key, 64);
	snprintf(text, sizeof(text), "shared value %u", i);
	base64(text, value, 256);
}

/* a round of a connection, on one key: put, read, read the range, delete, miss */
enum etcd_step { ETCD_PUT, ETCD_GET, ETCD_RANGE, ETCD_DELETE, ETCD_MISS, ETCD_STEPS };

static int etcd_request(const struct place *place, struct buffer *request)
{
	char key[64], value[256], json[512], end[64];

	own_pair(place, place->step / ETCD_STEPS, key, value);
	switch ((enum etcd_step)(place->step % ETCD_STEPS)) {
	case ETCD_PUT:
		snprintf(json, sizeof(json), "{\"key\":\"%s\",\"value\":\"%s\"}", key, value);
		return post(request, "/v3/kv/put", json);
	case ETCD_DELETE:
		snprintf(json, sizeof(json), "{\"key\":\"%s\"}", key);
		return post(request, "/v3/kv/deleterange", json);
	case ETCD_RANGE:
		base64("all/", key, sizeof(key));
		base64("all0", end, sizeof(end)); /* '0' follows '/' */
		snprintf(json, sizeof(json), "{\"key\":\"%s\",\"range_end\":\"%s\"}", key, end);
		return post(request, "/v3/kv/range", json);
	default:
		snprintf(json, sizeof(json), "{\"key\":\"%s\"}", key);
		return post(request, "/v3/kv/range", json);
	}
}

static bool has(const struct buffer *body, const char *text)
{
	return memmem(body->data, body->len, text, strlen(text));
}

/* the whole "kvs" list apart from the revisions: key and value of each, in order, and their number */
static bool etcd_check_kv(const char **at, const char *end, const char *key, const char *value)
{
	char want[512];

	snprintf(want, sizeof(want), "{\"key\":\"%s\",\"create_revision\":", key);
	*at = memmem(*at, end - *at, want, strlen(want));
	if (!*at)
		return false;
	snprintf(want, sizeof(want), ",\"value\":\"%s\"}", value);
	*at = memmem(*at, end - *at, want, strlen(want));
	return *at;
}

static bool etcd_check(const struct place *place, const struct buffer *body)
{
	const char *at = body->data, *end = at + body->len;
	char key[64], value[256];

	if (!has(body, "{\"header\":{\"cluster_id\":") || !has(body, "\"revision\":"))
		return false;
	own_pair(place, place->step / ETCD_STEPS, key, value);
	switch ((enum etcd_step)(place->step % ETCD_STEPS)) {
	case ETCD_PUT:
		return !has(body, "error");
	case ETCD_GET:
		return has(body, "],\"count\":\"1\"}") && etcd_check_kv(&at, end, key, value);
	case ETCD_RANGE:
		if (!has(body, "],\"count\":\"16\"}"))
			return false;
		for (unsigned i = 0; i < RANGE_KEYS; i++) {
			range_pair(i, key, value);
			if (!etcd_check_kv(&at, end, key, value))
				return false;
		}
		return true;
	case ETCD_DELETE:
		return has(body, "\"deleted\":\"1\"}");
	default:
		return !has(body, "\"kvs\"") && !has(body, "error");
	}
}

int plan_prepare(struct plan *plan, unsigned step, struct buffer *request)
{
	char key[64], value[256], json[512];

	if (!plan->etcd || step >= RANGE_KEYS)
		return 0;
	range_pair(step, key, value);
	snprintf(json, sizeof(json), "{\"key\":\"%s\",\"value\":\"%s\"}", key, value);
	return post(request, "/v3/kv/put", json) ? -ENOMEM : 1;
}

int plan_request(struct plan *plan, struct place *place, struct buffer *request)
{
	if (plan->etcd)
		return etcd_request(place, request);
	place->random = place->random * 6364136223846793005 + 1442695040888963407;
	place->entry = (place->random >> 33) % plan->count;
	return buffer_printf(request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
			     plan->entries[place->entry].path);
}

bool plan_check(struct plan *plan, struct place *place, int status, const struct buffer *body)
{
	const struct buffer *want;

	if (status != 200)
		return false;
	if (plan->etcd)
		return etcd_check(place, body);
	want = &plan->entries[place->entry].want;
	return want->len == body->len && !memcmp(want->data, body->data, body->len);
}
