// Package bench is the facade: what a test binary calls to run comparisons from
// go test, in this repository and in a stranger's module.
//
//	func TestMain(m *testing.M)      { bench.Main(m) }
//	func TestCompare(t *testing.T)   { bench.Compare(t, bench.Smoke{}) }
//
// Main makes the binary its own pods, owns the flags, the clean stop on Ctrl-C
// and the exit status: 0 if every run came out as it should, 1 if not, 2 if
// nothing could be run (bad input, no broker, no pod). go test itself turns 2
// into 1.
package bench
