package harness_test

import (
	"go/ast"
	"go/build/constraint"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// makeVariable returns the words of a variable of the Makefile.
func makeVariable(t *testing.T, name string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "\\\n", " ")
	found := regexp.MustCompile(`(?m)^` + name + `\s*=(.*)$`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("the Makefile has no variable %s", name)
	}
	return strings.Fields(found[1])
}

func TestMakeRunsEveryTestInVirtualTime(t *testing.T) {
	packages := makeVariable(t, "VIRTUAL")
	for _, s := range mustParse(t) {
		if folder := "./" + path.Dir(s.path); s.test && needsVirtualTime(s) && !slices.Contains(packages, folder) {
			t.Errorf("%s needs the tag synctests: add %s to VIRTUAL in the Makefile", s.path, folder)
		}
	}
}

func needsVirtualTime(s *source) bool {
	for _, group := range s.file.Comments {
		if group.Pos() > s.file.Package {
			break
		}
		for _, c := range group.List {
			if constraint.IsGoBuild(c.Text) {
				x, err := constraint.Parse(c.Text)
				return err == nil && !x.Eval(func(tag string) bool { return tag != "synctests" }) && x.Eval(func(string) bool { return true })
			}
		}
	}
	return false
}

// slowUnderRace are packages with goroutines that make race leaves out. Tests of consumers
// run whole ones, as its short runs do. The client of Docker compiles for half a minute.
var slowUnderRace = []string{"./consumers", "./consumers/mutants", "./harness/broker/docker"}

func TestMakeRunsTheRaceDetectorOnEveryPackageWithGoroutines(t *testing.T) {
	tested := map[string]bool{}
	for _, s := range mustParse(t) {
		tested["./"+path.Dir(s.path)] = tested["./"+path.Dir(s.path)] || s.test
	}
	known := append(makeVariable(t, "RACE"), slowUnderRace...)
	for _, s := range mustParse(t) {
		folder := "./" + path.Dir(s.path)
		if s.test || !tested[folder] || s.file.Name.Name == "main" || slices.Contains(known, folder) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if startsGoroutine(n) {
				t.Errorf("%s:%d starts a goroutine: add %s to RACE in the Makefile", s.path, s.line(n.Pos()), folder)
			}
			return true
		})
	}
}

// startsGoroutine reports whether a node is a go statement or a call of [sync.WaitGroup.Go].
func startsGoroutine(n ast.Node) bool {
	if _, ok := n.(*ast.GoStmt); ok {
		return true
	}
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	return ok && method.Sel.Name == "Go"
}

func TestMakeFuzzesEveryReader(t *testing.T) {
	targets := makeVariable(t, "FUZZ")
	seen := map[string]bool{}
	for _, s := range mustParse(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test && strings.HasPrefix(f.Name.Name, "Fuzz") {
				name := path.Dir(s.path) + ":" + f.Name.Name
				seen[name] = true
				if !slices.Contains(targets, name) {
					t.Errorf("add %s to FUZZ in the Makefile", name)
				}
			}
		}
	}
	for _, name := range targets {
		if !seen[name] {
			t.Errorf("FUZZ in the Makefile names %s, which does not exist", name)
		}
	}
}

// make check promises a short run: every package that it names must exist.
func TestMakeChecksExistingPackages(t *testing.T) {
	for _, folder := range slices.Concat(makeVariable(t, "PURE"), makeVariable(t, "RACE"), makeVariable(t, "VIRTUAL")) {
		if files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go")); err != nil || len(files) == 0 {
			t.Errorf("the Makefile names %s, which has no tests: %v", folder, err)
		}
	}
}

func TestMakeHelpFitsALine(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range regexp.MustCompile(`(?m)^([a-z-]+):.*## (.*)$`).FindAllStringSubmatch(string(raw), -1) {
		if n := len("  make ") + 16 + 1 + len(target[2]); n > 100 {
			t.Errorf("make help needs %d columns for %s, want at most 100", n, target[1])
		}
	}
}

func TestMakePassesItsVariables(t *testing.T) {
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want []string // words of the command
	}{
		{[]string{"bench", "OUT=a b", "CONSUMER=keyed?x=it's"}, []string{"-out=" + here + "/a b", "-consumer=keyed?x=it's", "-scenario=*"}},
		{[]string{"bench", "QUICK=1"}, []string{"-scenario=steady,pod-crash", "-consumer=keyed,naive,serial", "-load-duration=4s"}},
		{[]string{"bench", "QUICK=1", "CONSUMER=share"}, []string{"-scenario=steady,pod-crash", "-consumer=share", "-load-duration=4s"}},
		{[]string{"bench", "SLO=p99<500ms, recovery(kill pod)<30s"}, []string{"-slo=p99<500ms, recovery(kill pod)<30s"}},
		{[]string{"bench", "OUT=/a b"}, []string{"-out=/a b"}},
		{[]string{"report", "OUT=a b"}, []string{"-in=" + here + "/a b/result.json", "-out=" + here + "/a b"}},
		{[]string{"report", "IN=a b/result.json"}, []string{"-in=" + here + "/a b/result.json", "-out=" + here + "/a b"}},
		{[]string{"judge", "IN=a b/ledger/x", "OUT="}, []string{"-judge=" + here + "/a b/ledger/x", "-out="}},
		{[]string{"bench", "PROFILE=a b.json@x2"}, []string{"-profile=" + here + "/a b.json@x2"}},
		{[]string{"profile", "BOOTSTRAP=h:9092,i:9092", "TOPIC=orders", "FOR=10s", "SINCE=1h", "LIMIT=5", "BYTES=6"},
			[]string{"-profile-bootstrap=h:9092,i:9092", "-profile-topic=orders", "-profile-for=10s", "-profile-since=1h", "-profile-limit=5", "-profile-bytes=6", "-profile-out=profile.json"}},
		{[]string{"profile", "IN=a b.txt", "OUT=p.json"}, []string{"-profile-dump=" + here + "/a b.txt", "-profile-out=" + here + "/p.json"}},
		{[]string{"judge", "OUT=a b"}, []string{"-ledgers", "-out=" + here + "/a b"}},
	} {
		command := exec.Command("make", append([]string{"-n", "-C", root, "--no-print-directory"}, c.args...)...)
		raw, err := command.Output()
		if err != nil {
			t.Skip("make does not run here: ", err)
		}
		// In place of go test, a shell prints the words.
		raw, err = exec.Command("sh", "-c", "go() { printf '%s\\0' \"$@\"; }\n"+string(raw)).Output()
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Split(string(raw), "\x00")
		for _, want := range c.want {
			if !slices.Contains(words, want) {
				t.Errorf("make %q: no word %q in %q", c.args, want, words)
			}
		}
	}
}

// A cold compilation takes minutes, in which the go command prints no line.
func TestMakeSaysThatItCompiles(t *testing.T) {
	for _, target := range []string{"bench", "demo", "list", "profile", "report", "judge"} {
		raw, err := exec.Command("make", "-n", "-C", root, "--no-print-directory", target).Output()
		if err != nil {
			t.Skip("make does not run here: ", err)
		}
		if !strings.Contains(string(raw), "go list -export") {
			t.Errorf("make %s does not compile before it runs:\n%s", target, raw)
		}
	}
	raw, err := exec.Command("make", "-n", "-C", root, "--no-print-directory", "compile").Output()
	if err != nil {
		t.Fatal(err)
	}
	// This compiler fails as soon as the line is there.
	said := filepath.Join(t.TempDir(), "said")
	command := exec.CommandContext(t.Context(), "sh", "-c", "exec 2> \"$SAID\"\ngo() { until grep -q '^compiling: ' \"$SAID\"; do sleep 0.1; done; return 3; }\n"+string(raw))
	command.Env = append(os.Environ(), "SAID="+said)
	if err := command.Run(); command.ProcessState.ExitCode() != 3 {
		t.Errorf("%v, want the exit status of the compiler", err)
	}
}
