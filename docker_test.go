//go:build !race

package stampede

// The race detector runs no containers: their client would compile for half a minute.
import _ "github.com/stampede-bench/stampede/harness/broker/docker"
