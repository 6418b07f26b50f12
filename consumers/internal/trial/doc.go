// Package trial makes short runs of consumers for tests: a small scenario, random
// faults, a run on one back end, and what its checks found. The tests of consumers/mutants and
// consumers/soak share it.
package trial
