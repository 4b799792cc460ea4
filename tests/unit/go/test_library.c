/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which functions are the standard library's, and where they are. */
#include "fixture.h"

#include <stdbool.h>

#include "go/library.h"

static void names_tell(void **state)
{
	static const char *const library[] = {
		"fmt.Println",
		"net/http.(*Server).Serve",
		"net/http.serverHandler.ServeHTTP",
		"vendor/golang.org/x/net/http2/hpack.NewEncoder",
		"slices.SortFunc[go.shape.[]example.com/a.T,go.shape.struct { example.com/a.n int }]",
		"sync/atomic.(*Pointer[example.com/a.T]).Load",
		"type:.eq.example.com/a.T",
		"type..eq.sync/atomic.Bool",
		"go:buildid",
		"memeqbody",
		"mainly.Not",
	};
	static const char *const own[] = {
		"main.main",
		"main.(*handler).ServeHTTP",
		"example.com/a.T.Do",
		"gopkg.in/yaml%2ev3.(*parser).peek",
		"github.com/x/y/internal/z.init.0",
		"inside/store.(*Store).Put",
		"inside.Run",
		"reflect.(*MapIter).Next",
		"maps.clone",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(library) / sizeof(library[0]); i++)
		if (!library_has(library[i], "inside"))
			fail_msg("%s is the library's", library[i]);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (library_has(own[i], "inside"))
			fail_msg("%s is not the library's", own[i]);
	assert_true(library_has("inside/store.(*Store).Put", ""));
	assert_true(library_has("insider/store.(*Store).Put", "inside"));
}

static bool is_in(const struct library_code *code, int n, uint64_t pc)
{
	int i;

	for (i = 0; i < n; i++)
		if (pc >= code[i].lo && pc < code[i].hi)
			return true;
	return false;
}

/* No function of the program is among the library's, and hardly one of the library's is left out. */
static void ranges_have_the_library_alone(void **state)
{
	struct library_code code[8];
	struct err err = {.text = ""};
	struct go_binary *bin;
	struct go_func f;
	size_t i, k, of, found;
	int n;

	(void)state;
	for (i = 0; i < N_FIXTURE_VERSIONS; i++) {
		assert_int_equal(
			go_binary_open(&bin, fixture_path(fixture_name(fixture_versions[i])), &err),
			0);
		n = library_find(bin, code, 8);
		assert_in_range(n, 1, 8);
		for (k = 1; k < (size_t)n; k++)
			assert_true(code[k - 1].hi <= code[k].lo);
		for (k = of = found = 0; k < go_binary_func_count(bin); k++) {
			assert_int_equal(go_binary_func_at(bin, k, &f), 0);
			if (!library_has(f.name, go_binary_module(bin))) {
				assert_false(is_in(code, n, f.entry));
				continue;
			}
			of++;
			found += is_in(code, n, f.entry);
		}
		assert_true(of > 1000 && found * 100 > of * 95);
		/* the largest alone, where there is room for no more */
		assert_int_equal(library_find(bin, code, 1), 1);
		assert_int_equal(library_find(bin, code, 0), 0);
		go_binary_close(bin);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_tell),
		cmocka_unit_test(ranges_have_the_library_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
