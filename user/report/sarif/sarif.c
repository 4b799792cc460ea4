/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* SARIF 2.1.0, the static analysis results interchange format of OASIS, as code hosts show it. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/escape.h"
#include "report/json/json_make.h"
#include "report/printers.h"
#include "report/words/words.h"

#define SARIF_SCHEMA \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#define ROOT_NAME "SRCROOT"

/* Rules are by what is wrong, not by how it was seen. */
static const struct {
	const char *id, *name, *text;
} rules[REPORT_KINDS] = {
	[REPORT_WRITE_WRITE] = {"map-write-write", "ConcurrentMapWrites",
				"Two goroutines write to a map at the same time."},
	[REPORT_READ_WRITE] = {"map-read-write", "ConcurrentMapReadAndWrite",
			       "A goroutine reads a map while another one writes to it."},
	[REPORT_ITERATE_WRITE] = {"map-iterate-write", "ConcurrentMapIterationAndWrite",
				  "A goroutine iterates over a map while another one writes to it."},
	[REPORT_LOST_UPDATE] = {"bpf-map-lost-update", "LostUpdateOfBpfMap",
				"An update of a key of a kernel BPF map is lost."},
	[REPORT_CONCURRENT_UPDATE] = {"bpf-map-concurrent-update", "ConcurrentUpdatesOfBpfMap",
				      "Two updates of a key of a kernel BPF map overlap."},
	[REPORT_READ_MODIFY_WRITE] = {"bpf-read-modify-write", "ReadModifyWriteOfBpfMap",
				      "A BPF program changes a field of a map's value without an "
				      "atomic operation or a lock."},
	[REPORT_LOOKUP_UPDATE] = {"bpf-lookup-update", "UpdateOfBpfMapFromLookup",
				  "A BPF program updates a key with what it made of a look-up."},
	[REPORT_LOOKUP_INSERT] = {"bpf-lookup-insert", "InsertIntoBpfMapAfterLookup",
				  "A BPF program puts in a key that it has not found, replacing "
				  "what another CPU has put in since."},
	[REPORT_CHECK_THEN_ACT] = {"bpf-check-then-act", "CheckThenActOnBpfMap",
				   "A BPF program stores to a field of a map's value because of "
				   "what the field was."},
	[REPORT_PARTIAL_UPDATE] = {"bpf-partial-update", "PartialUpdateOfBpfMap",
				   "A BPF program stores to two fields of a map's value that has a "
				   "lock, without holding it."},
};

/* {"text": s}; takes s over */
static json_t *make_message(char *s)
{
	json_t *o = json_object();
	int failed = !s || json_put(o, "text", json_text(s));

	free(s);
	return json_finish(o, failed);
}

static json_t *make_fixed_message(const char *s)
{
	return make_message(strdup(s));
}

/* RFC 3986: a path keeps what may stand in it as it is, everything else becomes %NN. */
static char *make_uri(const char *prefix, const char *path)
{
	size_t n = strlen(prefix);
	char *uri = malloc(n + 3 * strlen(path) + 1), *out;

	if (!uri)
		return NULL;
	out = stpcpy(uri, prefix);
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (c < 0x80 && (isalnum(c) || strchr("-._~/!$&'()*+,;=@", c)))
			*out++ = (char)c;
		else
			out += sprintf(out, "%%%02X", c);
	}
	*out = '\0';
	return uri;
}

/* The part of path below root; NULL when it is not. */
static const char *below(const char *path, const char *root)
{
	size_t n = root ? strlen(root) : 0;

	while (n && root[n - 1] == '/')
		n--;
	if (!n || strncmp(path, root, n) != 0 || path[n] != '/')
		return NULL;
	path += n;
	while (*path == '/')
		path++;
	return *path ? path : NULL;
}

static json_t *make_artifact(const char *file, const struct print_options *options)
{
	const char *relative = below(file, options->source_root);
	bool rooted = relative || (options->source_root && file[0] != '/');
	json_t *o = json_object();
	char *uri;
	int failed;

	if (!relative)
		relative = file;
	while (!strncmp(relative, "./", 2))
		relative += 2;
	uri = make_uri(relative[0] == '/' ? "file://" : "", relative);
	failed = !uri || json_put(o, "uri", json_string(uri));
	free(uri);
	if (rooted)
		failed |= json_put(o, "uriBaseId", json_string(ROOT_NAME));
	return json_finish(o, failed);
}

/* A frame without a file has a logical location only. */
static json_t *make_location(const struct report_frame *frame, char *message,
			     const struct print_options *options)
{
	json_t *o = json_object(), *physical, *region, *logical = json_object();
	int failed = 0;

	if (frame->file && frame->file[0]) {
		physical = json_object();
		failed |=
			json_put(physical, "artifactLocation", make_artifact(frame->file, options));
		if (frame->line > 0) {
			region = json_object();
			failed |= json_put(region, "startLine", json_integer(frame->line));
			failed |= json_put(physical, "region", region);
		}
		failed |= json_put(o, "physicalLocation", physical);
	}
	failed |=
		json_put(logical, "fullyQualifiedName",
			 json_text(frame->function && frame->function[0] ? frame->function : "?"));
	failed |= json_put(logical, "kind", json_string("function"));
	failed |= json_put(o, "logicalLocations", json_pack("[o]", logical));
	if (message)
		failed |= json_put(o, "message", make_message(message));
	return json_finish(o, failed);
}

static char *say_access(const struct report_race *race, size_t which)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	words_access(out, race, which);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static json_t *make_stack(const struct report_race *race, size_t which,
			  const struct print_options *options)
{
	const struct report_access *access = &race->access[which];
	json_t *o = json_object(), *frames = json_array(), *frame;
	int failed = json_put(o, "message", make_message(say_access(race, which)));
	size_t i;

	for (i = 0; i < access->nframes && !failed; i++) {
		frame = json_object();
		failed |= json_put(frame, "location",
				   make_location(&access->frames[i], NULL, options));
		if (access->goroutine)
			failed |=
				json_put(frame, "threadId",
					 json_integer((json_int_t)(access->goroutine & INT32_MAX)));
		failed |= json_array_append_new(frames, frame);
	}
	failed |= json_put(o, "frames", frames);
	return json_finish(o, failed);
}

static json_t *make_stacks(const struct report_race *race, const struct print_options *options)
{
	size_t first = report_first_access(race), i;
	json_t *stacks = json_array();
	int failed = 0;

	for (i = 0; i < (race->has_other ? 2u : 1u); i++)
		if (race->access[first ^ i].nframes)
			failed |=
				json_array_append_new(stacks, make_stack(race, first ^ i, options));
	return json_finish(stacks, failed);
}

/* The other access, and where both goroutines were made. */
static json_t *make_related(const struct report_race *race, const struct print_options *options)
{
	size_t first = report_first_access(race), i;
	const struct report_frame *site;
	json_t *related = json_array();
	int failed = 0;

	site = race->has_other ? report_access_site(&race->access[first ^ 1]) : NULL;
	if (site)
		failed |= json_array_append_new(
			related, make_location(site, say_access(race, first ^ 1), options));
	for (i = 0; i < (race->has_other ? 2u : 1u); i++) {
		const struct report_access *access = &race->access[first ^ i];

		if (access->created_by.known)
			failed |= json_array_append_new(
				related,
				make_location(&access->created_by.at,
					      strdup(i ? "the other goroutine was created here"
						       : "the goroutine was created here"),
					      options));
	}
	return json_finish(related, failed);
}

static char *say_result(const struct report_race *race)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	words_title(out, race);
	fputs(": ", out);
	words_summary(out, race);
	if (race->bpf && race->bpf->audit) {
		fputs(". What is lost: ", out);
		escape_text(out, race->bpf->audit->lost);
		fputs(". Fix: ", out);
		escape_text(out, race->bpf->audit->fix);
		if (race->bpf->audit->live) {
			fputs(". Live: ", out);
			words_live(out, race);
		}
	}
	fputs(". Evidence: ", out);
	words_evidence(out, race);
	fputc('.', out);
	if (race->caveat) {
		fputs(" But ", out);
		escape_text(out, race->caveat);
		fputc('.', out);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static json_t *make_properties(const struct report_race *race)
{
	json_t *o = json_object();
	char *map = words_of(words_map, race);
	int failed = json_put(o, "evidence", json_string(report_evidence_name(race->evidence)));

	failed |= json_put(o, "proves", json_string(report_proof_name(report_proves(race))));
	failed |= json_put(o, "pid", json_integer(race->pid));
	failed |= json_put(o, "map", json_text(map));
	failed |= json_put(o, "first_seen_s", json_number_real(race->first_seen_s));
	failed |= json_put(o, "last_seen_s", json_number_real(race->last_seen_s));
	free(map);
	return json_finish(o, failed);
}

static json_t *make_result(const struct report_race *race, bool suspect,
			   const struct print_options *options)
{
	const struct report_frame *site =
		report_access_site(&race->access[report_first_access(race)]);
	json_t *o = json_object(), *print = json_object();
	uint64_t count = race->count ? race->count : 1;
	int failed = json_put(o, "ruleId", json_string(rules[race->kind].id));

	failed |= json_put(o, "ruleIndex", json_integer((json_int_t)race->kind));
	failed |= json_put(o, "level", json_string(suspect ? "warning" : "error"));
	failed |= json_put(o, "message", make_message(say_result(race)));
	if (site)
		failed |= json_put(o, "locations",
				   json_pack("[o]", make_location(site, NULL, options)));
	failed |= json_put(o, "relatedLocations", make_related(race, options));
	failed |= json_put(o, "stacks", make_stacks(race, options));
	failed |= json_put(print, "mapraceId/v1", json_text(race->id));
	failed |= json_put(o, "partialFingerprints", print);
	failed |= json_put(o, "occurrenceCount",
			   json_integer((json_int_t)(count > INT32_MAX ? INT32_MAX : count)));
	failed |= json_put(o, "properties", make_properties(race));
	return json_finish(o, failed);
}

static json_t *make_results(const struct report *report, const struct print_options *options)
{
	json_t *results = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < report->nraces && !failed; i++)
		failed |= json_array_append_new(results,
						make_result(&report->races[i], false, options));
	for (i = 0; i < report->nsuspects && !failed; i++)
		failed |= json_array_append_new(results,
						make_result(&report->suspects[i], true, options));
	return json_finish(results, failed);
}

static json_t *make_tool(const struct report *report)
{
	json_t *driver = json_object(), *list = json_array(), *tool = json_object(), *rule;
	int failed = json_put(driver, "name", json_string("maprace"));
	size_t i;

	failed |= json_put(driver, "version", json_text(report->version));
	for (i = 0; i < REPORT_KINDS; i++) {
		rule = json_object();
		failed |= json_put(rule, "id", json_string(rules[i].id));
		failed |= json_put(rule, "name", json_string(rules[i].name));
		failed |= json_put(rule, "shortDescription", make_fixed_message(rules[i].text));
		failed |= json_array_append_new(list, rule);
	}
	failed |= json_put(driver, "rules", list);
	failed |= json_put(tool, "driver", driver);
	return json_finish(tool, failed);
}

static json_t *make_notification(const char *id, const char *level, char *text)
{
	json_t *o = json_object(), *descriptor = json_object();
	int failed = json_put(descriptor, "id", json_text(id));

	failed |= json_put(o, "descriptor", descriptor);
	failed |= json_put(o, "level", json_string(level));
	failed |= json_put(o, "message", make_message(text));
	return json_finish(o, failed);
}

/* What was not watched. */
static json_t *make_notifications(const struct report_stats *stats)
{
	json_t *list = json_array();
	int failed = 0;
	char *text;
	size_t i;

	if (stats->unwatched > 0.005) {
		if (asprintf(&text, "About %.1f%% of the operations were watched.",
			     100 * (1 - stats->unwatched)) < 0)
			text = NULL;
		failed |= json_array_append_new(list, make_notification("watched", "note", text));
	}
	for (i = 0; i < stats->ncaveats; i++)
		failed |= json_array_append_new(list,
						make_notification(stats->caveats[i].code, "warning",
								  strdup(stats->caveats[i].text)));
	return json_finish(list, failed);
}

static json_t *make_invocation(const struct report *report)
{
	int64_t started = report->started_unix_ns - report->started_unix_ns % 1000000;
	json_t *o = json_object();
	int64_t lasted = report->duration_s < 1e9 ? (int64_t)(report->duration_s * 1e9) : 0;
	int failed = json_put(o, "executionSuccessful", json_true());

	if (report->started_unix_ns > 0 && report->started_unix_ns < INT64_MAX / 2) {
		failed |= json_put(o, "startTimeUtc", json_time(report->started_unix_ns));
		failed |= json_put(o, "endTimeUtc", json_time(started + lasted));
	}
	if (report->stats.ncaveats || report->stats.unwatched > 0.005)
		failed |= json_put(o, "toolExecutionNotifications",
				   make_notifications(&report->stats));
	return json_finish(o, failed);
}

static json_t *make_roots(const char *root)
{
	json_t *o = json_object(), *base = json_object();
	size_t n = strlen(root);
	char *uri = make_uri(root[0] == '/' ? "file://" : "", root), *slashed = NULL;
	int failed = 0;

	/* a base must end with a slash */
	if (uri && asprintf(&slashed, "%s%s", uri, n && root[n - 1] == '/' ? "" : "/") < 0)
		slashed = NULL;
	failed |= !slashed || json_put(base, "uri", json_string(slashed));
	free(slashed);
	free(uri);
	failed |= json_put(o, ROOT_NAME, base);
	return json_finish(o, failed);
}

int sarif_print_report(FILE *out, const struct report *report, const struct print_options *options)
{
	json_t *run = json_object(), *log = json_object();
	int failed = json_put(run, "tool", make_tool(report));

	failed |= json_put(run, "invocations", json_pack("[o]", make_invocation(report)));
	if (options->source_root && options->source_root[0])
		failed |= json_put(run, "originalUriBaseIds", make_roots(options->source_root));
	failed |= json_put(run, "results", make_results(report, options));
	failed |= json_put(log, "$schema", json_string(SARIF_SCHEMA));
	failed |= json_put(log, "version", json_string("2.1.0"));
	failed |= json_put(log, "runs", json_pack("[o]", run));
	return json_print_value(out, json_finish(log, failed), JSON_INDENT(2));
}
