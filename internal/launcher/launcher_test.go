package launcher

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// chainEnv has the names of the processes that are still to start, the next one first.
// The last of them waits for the end of a launcher.
const chainEnv = "STAMPEDE_TEST_CHAIN"

func TestMain(m *testing.M) {
	if chain, ok := os.LookupEnv(chainEnv); ok {
		os.Exit(joinChain(chain))
	}
	os.Exit(m.Run())
}

// joinChain starts the next process of a chain and waits for it, as make and go do.
func joinChain(chain string) int {
	next, rest, _ := strings.Cut(chain, " ")
	if next == "" {
		ctx, cancel := WithEnd(context.Background())
		defer cancel()
		fmt.Println("process", os.Getppid())
		<-ctx.Done()
		fmt.Println(context.Cause(ctx))
		return 0
	}
	cmd, err := startLink(next, rest)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	cmd.Wait()
	return 0
}

// startLink starts this binary under another name.
func startLink(name, chain string) (*exec.Cmd, error) {
	path := filepath.Join(filepath.Dir(os.Args[0]), name)
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), chainEnv+"="+chain)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd, cmd.Start()
}

func TestEndOfALauncherIsNoticed(t *testing.T) {
	if _, _, err := readProcess(os.Getpid()); err != nil {
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for chain, want := range map[string]string{
		"go tests":      "go (process %d), which launched it, has ended",
		"make go tests": "make (process %d), which launched it, has ended",
	} {
		t.Run(chain, func(t *testing.T) {
			dir := t.TempDir()
			for name := range strings.FieldsSeq(chain) {
				if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			first, rest, _ := strings.Cut(chain, " ")
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			top := exec.CommandContext(ctx, filepath.Join(dir, first))
			top.Env = append(os.Environ(), chainEnv+"="+rest)
			out, err := top.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := top.Start(); err != nil {
				t.Fatal(err)
			}
			said := bufio.NewScanner(out)
			if !said.Scan() || !strings.HasPrefix(said.Text(), "process ") {
				t.Fatalf("the last process said %q", said.Text())
			}
			if err := top.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf(want, top.Process.Pid); !said.Scan() || said.Text() != want {
				t.Errorf("it said %q, want %q", said.Text(), want)
			}
			top.Wait()
		})
	}
}

func TestOnlyCommandsThatWaitAreLaunchers(t *testing.T) {
	for chain, want := range map[string]string{
		"":                                 "",
		"bash tmux":                        "",
		"nohup go":                         "",
		"systemd make":                     "",
		"go bash sshd":                     "go",
		"go nohup bash":                    "go",
		"go make bash":                     "go make",
		"go gmake":                         "go gmake",
		"go sh make bash make":             "go sh make bash make",
		"go sh make zsh sshd":              "go sh make",
		"go bash go make":                  "go",
		"go runtests go make bash":         "go runtests go make",
		"sh make":                          "sh make",
		"go sh":                            "go",
		"go timeout make":                  "go",
		"stampede.test go":                 "",
		"go make make sh make node docker": "go make make sh make",
	} {
		var ancestors []command
		for i, name := range strings.Fields(chain) {
			ancestors = append(ancestors, command{100 + i, name})
		}
		var got []string
		for _, l := range selectLaunchers(ancestors) {
			got = append(got, l.name)
		}
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("of %q the launchers are %q, want %q", chain, got, want)
		}
	}
}

func TestAncestorsBeginWithTheParent(t *testing.T) {
	name, _, err := readProcess(os.Getppid())
	if err != nil {
		t.Skip(err)
	}
	if all := ancestors(); len(all) == 0 || all[0] != (command{os.Getppid(), name}) {
		t.Errorf("ancestors %v, want the parent %d first", all, os.Getppid())
	}
}
