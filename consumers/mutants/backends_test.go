package mutants_test

import (
	"os"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	_ "github.com/stampede-bench/stampede/harness/broker/docker"
	_ "github.com/stampede-bench/stampede/harness/broker/embedded"
	"github.com/stampede-bench/stampede/harness/lock"
)

// backends are where mutants are caught.
var backends = []string{"virtual", "embedded", "docker"}

// openBackend takes what a back end needs until the test has ended.
func openBackend(t *testing.T, name string) {
	t.Helper()
	if name == "virtual" {
		return
	}
	lock.Machine(t)
	backend, err := harness.FindBackend(name)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := backend.(harness.Preflighter); ok {
		if err := p.Preflight(t.Context()); err != nil {
			if os.Getenv("STAMPEDE_DOCKER") == "required" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	if c, ok := backend.(harness.Closer); ok {
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
