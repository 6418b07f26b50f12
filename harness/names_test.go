package harness_test

import (
	"cmp"
	"go/ast"
	"maps"
	"slices"
	"strings"
	"testing"
)

// mostShared is the percentage of unexported functions that may share their name
// with two or more others.
const mostShared = 10

// TestFunctionsCanBeFoundByName counts unexported functions and methods whose name
// two or more others have too: a search for such a name finds too much. A name
// that is a verb and its object is seldom taken already.
func TestFunctionsCanBeFoundByName(t *testing.T) {
	places := map[string][]string{}
	all := 0
	for _, s := range mustParse(t) {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.IsExported() || f.Name.Name == "init" || f.Name.Name == "main" {
				continue
			}
			all++
			places[f.Name.Name] = append(places[f.Name.Name], s.path)
		}
	}
	maps.DeleteFunc(places, func(_ string, at []string) bool { return len(at) < 3 })
	shared := 0
	for _, at := range places {
		shared += len(at)
	}
	percent := 100 * float64(shared) / float64(all)
	t.Logf("%d of %d unexported functions share their name with two or more others: %.1f %%", shared, all, percent)
	if percent < mostShared {
		return
	}
	t.Errorf("that is more than %v %%; give these a verb and its object:", mostShared)
	names := slices.SortedFunc(maps.Keys(places), func(a, b string) int {
		return cmp.Or(len(places[b])-len(places[a]), cmp.Compare(a, b))
	})
	for _, name := range names {
		t.Logf("%s: %s", name, strings.Join(places[name], " "))
	}
}
