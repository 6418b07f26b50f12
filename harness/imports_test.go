package harness_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/stampede-bench/stampede"

// mayImport lists, for each package, which of our packages it may import. Every
// package but these two may import harness/ledger and harness in addition.
var mayImport = map[string][]string{
	"harness/ledger":          {},
	"harness":                 {"harness/ledger"},
	"harness/lock":            {"harness/plain", "internal/launcher"},
	"harness/plain":           {},
	"harness/plain/plaintest": {},
	"harness/capacity":        {},
	"harness/load":            {"harness/capacity"},
	"harness/measure":         {},
	"harness/metric":          {"harness/oracle"}, // for the names of checks
	"harness/slo":             {"harness/metric"},
	"harness/observe":         {},
	"harness/oracle":          {},
	"harness/fault":           {},
	"harness/broker/wire":     {},
	"harness/broker/embedded": {"harness/broker/wire"},
	"harness/broker/virtual":  {"harness/broker/embedded"},
	"harness/broker/docker":   {"harness/broker/wire"},
	"harness/pod":             {"harness/load"},
	"harness/profile":         {"harness/load", "harness/observe"},
	"harness/engine":          {"harness/capacity", "harness/profile", "harness/load", "harness/pod", "harness/observe", "harness/fault", "harness/oracle", "harness/measure", "harness/slo"},
	"harness/bare":            {"harness/load", "harness/observe", "harness/measure"},
	"harness/sizing":          {"harness/capacity", "harness/engine", "harness/load", "harness/slo"},
	"harness/bench":           {"harness/profile", "harness/bare", "harness/capacity", "harness/sizing", "harness/slo", "harness/engine", "harness/pod", "harness/measure", "harness/load", "harness/observe", "harness/broker/embedded", "harness/broker/virtual", "harness/lock", "harness/plain", "reports", "internal/control", "internal/launcher"},
	"scenarios":               {"harness/load", "harness/fault"},
	"consumers/client":        {},
	"consumers/group":         {"consumers/client"},
	"consumers/pool":          {"consumers/client", "consumers/group"},
	"consumers/relay":         {"consumers/client", "consumers/group", "consumers/pool"},
	"consumers/sharegroup":    {"consumers/client", "consumers/pool"},
	"consumers/txn":           {"consumers/client", "consumers/group"},
	"consumers":               {"consumers/client", "consumers/group", "consumers/pool", "consumers/relay", "consumers/sharegroup", "consumers/txn", "harness/oracle"},
	"consumers/mutants":       {"consumers/client", "consumers/group", "consumers/pool", "consumers/relay", "consumers/sharegroup", "consumers/txn", "harness/oracle"},
	"consumers/soak":          {},
	"reports":                 {"harness/capacity", "harness/metric", "harness/oracle", "harness/plain"}, // the oracle for the names of checks
	"internal/allocs":         {},
	"internal/browser":        {},
	"internal/control":        {"harness/measure"},
	"internal/launcher":       {},
	"internal/runtests":       {"internal/launcher"},
	"":                        {"harness/bench", "scenarios", "consumers", "harness/broker/docker", "harness/broker/embedded"},
}

// kafkaFree are the packages that may depend on no Kafka client, not even
// through others.
var kafkaFree = []string{"harness/ledger", "harness", "harness/oracle", "harness/measure", "harness/metric", "harness/slo", "harness/fault", "harness/capacity", "reports"}

type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

// TestImportRules fails on an import that the table does not allow.
func TestImportRules(t *testing.T) {
	for _, p := range packages(t) {
		name := short(p.ImportPath)
		allowed, known := mayImport[name]
		if !known {
			parent, _, _ := strings.Cut(name, "/internal/")
			if _, known = mayImport[parent]; !known || parent == name {
				t.Errorf("package %q has no row in mayImport", name)
			}
			continue
		}
		for _, i := range p.Imports {
			to := short(i)
			if to == i || to == "harness/ledger" || to == "harness" && name != "harness/ledger" || strings.HasPrefix(to, name+"/internal/") {
				continue
			}
			if !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s: mayImport does not allow it", name, to)
			}
		}
		for _, d := range p.Deps {
			if strings.HasPrefix(d, "github.com/twmb/franz-go") && slices.Contains(kafkaFree, name) {
				t.Errorf("%s depends on %s: it must not depend on a Kafka client", name, d)
				break
			}
			if strings.HasPrefix(d, "github.com/testcontainers/") && name != "harness/broker/docker" && name != "" {
				t.Errorf("%s depends on %s: every user's build would contain it", name, d)
				break
			}
		}
	}
}

// pure are the packages that read no clock, no file and no network: what they say
// depends on their arguments alone.
var pure = []string{"harness/oracle", "harness/capacity"}

func TestImportRulesKeepJudgesPure(t *testing.T) {
	found := 0
	for _, p := range packages(t) {
		name := short(p.ImportPath)
		if !slices.Contains(pure, name) {
			continue
		}
		found++
		for _, i := range p.Imports {
			if i == "os" || i == "net" || i == "syscall" || strings.HasPrefix(i, "net/") || strings.HasPrefix(i, "os/") {
				t.Errorf("%s imports %s", name, i)
			}
		}
		for _, file := range p.GoFiles {
			for _, call := range clockCalls(t, filepath.Join(p.Dir, file)) {
				t.Errorf("%s reads the clock: %s", name, call)
			}
		}
	}
	if found != len(pure) {
		t.Errorf("%d packages of %v exist", found, pure)
	}
}

func clockCalls(t *testing.T, path string) (found []string) {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "Sleep", "NewTimer", "NewTicker", "Tick"}, s.Sel.Name) {
			found = append(found, fmt.Sprintf("time.%s at %v", s.Sel.Name, set.Position(s.Pos())))
		}
		return true
	})
	return found
}

func packages(t *testing.T) (all []listed) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,Deps", module+"/...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list lists only %d packages", len(all))
	}
	return all
}

func short(path string) string {
	if path == module {
		return ""
	}
	return strings.TrimPrefix(path, module+"/")
}
