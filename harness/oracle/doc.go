// Package oracle judges a run: it replays the run's ledger once, and each check gives a verdict.
//
// It is pure. It knows [Facts] and sees a stream of [ledger.Event]. It has no clock, no network and no file.
//
// Data flows one way, and files are named by their place in it:
//
//   - replay_*: the annotator marks what an event alone does not tell, and hands the events out in batches.
//   - state_*: a batch updates the states that several checks share.
//   - check_*: the checks look at the batch and at the states. Each check has a file with its name, its
//     definition, its entry and its verdict, and registers itself.
//   - timeline_*: a second replay tells what happened around the first anomaly of each check.
//
// Two rules make it safe that the annotator is up to a batch ahead of the checks:
//
//   - A batch ends before a first effect or a copy that comes after a commit or an acknowledgement. So a check
//     that sees one of those finds the records that were completed or copied before it, and none that came
//     later.
//   - What the annotator knows by intervals (ownership, deferred ranges) is asked for a time. What came since
//     makes no difference.
//
// CHECKS.md is generated from the entries and the definitions.
package oracle
