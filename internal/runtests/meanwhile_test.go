package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// The first suite needs what the second one does meanwhile. Both run the same test.
func TestSuiteRunsWithAnotherAtTheLowestPriority(t *testing.T) {
	met := filepath.Join(t.TempDir(), "met")
	body := `package a

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestMeets(t *testing.T) {
	if os.Getenv("RUNTESTS_TRIED") == "" {
		if niceness, err := exec.Command("nice").Output(); string(niceness) != "19\n" {
			t.Fatal("its niceness is not 19:", string(niceness), err)
		}
		if err := os.WriteFile("` + met + `", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Skip("only the other suite says that it ran")
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, err := os.Stat("` + met + `"); err == nil {
			return
		}
	}
	t.Fatal("the other suite does not run")
}
`
	exit, out := runProgram(t, map[string]string{"a/a_test.go": body}, "--", "RUNTESTS_TRIED=1", "-count=1", "./a", "--meanwhile", "-count=1", "./a")
	if exit != 0 {
		t.Errorf("exit status %d", exit)
	}
	wantLines(t, out, "go test -count=1 ./a (at the same time)\n", "1 tests, 1 skipped\n", "\nPASS: 2 tests in 2 packages, 0 failed, 0 skipped, ")
	if strings.Contains(out, "\nskipped:") {
		t.Errorf("it names a test that ran:\n%s", out)
	}
}

func TestNoSuiteRunsWithNothing(t *testing.T) {
	if exit, out := runProgram(t, map[string]string{}, "--meanwhile", "./a"); exit != 2 || !strings.Contains(out, "usage: runtests --") {
		t.Errorf("exit status %d: %s", exit, out)
	}
}
