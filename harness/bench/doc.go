// Package bench runs comparisons from go test, in this repository and in any other
// module:
//
//	func TestMain(m *testing.M)    { bench.Main(m) }
//	func TestCompare(t *testing.T) { bench.Compare(t, bench.Smoke{}) }
//
// Main owns the flags, the clean stop on Ctrl-C and the exit status. It also starts
// the binary again as the pods of a run. The exit status is 0 if every run came out
// as expected, and 1 if not. It is 2 if a run could not be made: bad input, no broker,
// no pod. go test itself turns 2 into 1.
//
// A comparison also ends in good order soon after the go test that started it has been
// killed, or the make above that. The end of a shell, a terminal or a service manager
// does not end it. A binary of go test -c ends with no other process.
package bench
