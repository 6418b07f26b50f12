package harness_test

import (
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// word is an expression that no text of ours uses.
type word struct {
	pattern string // pattern is a regular expression between word boundaries, in any case.
	instead string
}

// plainEnglish are expressions that make a reader look twice.
var plainEnglish = []word{
	{`nobody|no one|somebody|someone|everybody|everyone|whoever`, "the component: the member, the broker, the client"},
	{`none (?:is|are|was|were|has|have|had|can|could|may|does|do|did|will|would|gets?|comes?|goes|ends|begins|waits?|passes)`, "no + the component: no member has"},
	{`lest`, "so that ... not"},
	{`anew`, "again"},
	{`for good`, "permanently, finally"},
	{`beside`, "next to, with, in addition to"},
	{`by then`, "the event: when the owner has changed"},
	{`what becomes? of|what became of`, "what happens to"},
	{`upon`, "on"},
	{`it may be that`, "may"},
	{`(?:of|by|to|for|from|with|than|as|in|on) who (?:is|has|had|was|are|did|does|lost|holds?|gives?|takes?|comes?|goes|claims?|waits?|joins?|leads?)`, "a noun: of the member that has"},
}

// clauseSubjects are sentences that begin with a clause as the subject.
var clauseSubjects = regexp.MustCompile(`(?:^|[.;:!?]\s+|\n\n)((?:Who|Whose|Whom) [a-z]+)`)

// retiredWords are our words of former times. harness/GLOSSARY.md has those in use.
var retiredWords = []word{
	{`tenures?`, "assignment"},
	{`stints?`, "stable assignment"},
	{`holdings`, "ownership"},
	{`custody`, "hand-off; Role.TakesOver"},
	{`owed`, "outstanding"},
	{`set aside|sets aside|setting aside`, "deferred; a deferred range"},
	{`landed`, "appended"},
	{`redone`, "redelivered"},
	{`struck`, "affected by a fault"},
	{`troubles?`, "disruption"},
	{`in calm`, "undisturbed"},
	{`explained duplicates?`, "redelivery (the check); unexplained duplicate is another"},
	{`loss pending|pending loss`, "premature commit"},
	{`commits? behind`, "stalled commit"},
	{`unfounded`, "premature"},
	{`completeness`, "conflicting outcomes"},
	{`answers? lost|lost answers?|loses? answers?|answer losers?`, "dropped response"},
	{`triers?|crews?|hired?|staff`, "retrier, workers, start, clients"},
	{`usurp\w*|forsak\w+|forsook|hung up|hang up|hangs up`, "rejoined, drop assignments, cancel requests"},
	{`lanes?|laned`, "overflow topic; track (of the timeline)"},
	{`rosters?|seats?`, "pods, pod"},
	{`underway`, "in flight"},
	{`deaf`, "unresponsive"},
	{`work in hand|pods fed|fault happened`, "work in flight, no pod starved, fault took effect"},
	{`dealt|deals by`, "took from the buffer"},
	{`figures?`, "metrics; not judged (the status)"},
	{`scenes?|arrows?`, "scenarios, import rules"},
}

// excused are places that may use a word of the lists.
var excused = []struct{ path, text, reason string }{
	{"harness/words_test.go", "", "it has the lists"},
	{"harness/GLOSSARY.md", "", "it names former words so that a search finds the new ones"},
}

// tolerated is how many of these words a folder still has. It may only fall, and
// an entry without words is an error too.
var tolerated = parseLimits(`
consumers 119
consumers/client 5
consumers/group 22
consumers/mutants 59
consumers/pool 15
consumers/relay 39
consumers/sharegroup 9
consumers/txn 2
harness 170
harness/bench 19
harness/fault 20
harness/ledger 24
harness/load 10
harness/measure 6
harness/observe 13
harness/oracle 326
reports 76
reports/internal/chart 14
`)

func TestTextsUsePlainWords(t *testing.T) {
	all := append(append([]word{}, plainEnglish...), retiredWords...)
	var patterns []string
	for _, w := range all {
		patterns = append(patterns, strings.ReplaceAll(w.pattern, " ", `\s+`))
	}
	any := regexp.MustCompile(`(?i)\b(?:` + strings.Join(patterns, "|") + `)\b`)
	counts, reports := map[string]int{}, map[string][]func(){}
	report := func(p passage, offset int, found, instead string) {
		if isExcused(p) {
			return
		}
		folder := path.Dir(p.path)
		counts[folder]++
		reports[folder] = append(reports[folder], func() {
			t.Errorf("%s:%d: %q: write %s", p.path, p.lineAt(offset), found, instead)
		})
	}
	for _, p := range readPassages(t) {
		for _, at := range any.FindAllStringIndex(p.text, -1) {
			found := p.text[at[0]:at[1]]
			report(p, at[0], found, insteadOf(all, found))
		}
		for _, at := range clauseSubjects.FindAllStringSubmatchIndex(p.text, -1) {
			if sentence, _, _ := strings.Cut(p.text[at[2]:], "."); !strings.Contains(sentence, "?") {
				report(p, at[2], p.text[at[2]:at[3]], "a noun as the subject: the member that")
			}
		}
	}
	compareWithTolerated(t, tolerated, counts, reports)
}

func insteadOf(all []word, found string) string {
	for _, w := range all {
		if regexp.MustCompile(`(?i)^(?:` + strings.ReplaceAll(w.pattern, " ", `\s+`) + `)$`).MatchString(found) {
			return w.instead
		}
	}
	return "another word"
}

func isExcused(p passage) bool {
	for _, e := range excused {
		if e.path == p.path && strings.Contains(p.text, e.text) {
			return true
		}
	}
	return false
}

// compareWithTolerated fails where a folder has more findings than it may have,
// and where it has fewer, so that the limit is lowered.
func compareWithTolerated(t *testing.T, limits, counts map[string]int, reports map[string][]func()) {
	t.Helper()
	for folder, n := range counts {
		if n > limits[folder] {
			for _, r := range reports[folder] {
				r()
			}
			t.Errorf("%s has %d findings: %d are tolerated", folder, n, limits[folder])
		}
	}
	for folder, n := range limits {
		if counts[folder] < n {
			t.Logf("%s has %d findings: lower the limit of %d", folder, counts[folder], n)
		}
	}
}

// parseLimits reads lines of a folder and its limit.
func parseLimits(text string) map[string]int {
	limits := map[string]int{}
	fields := strings.Fields(text)
	for i := 0; i+1 < len(fields); i += 2 {
		limits[fields[i]], _ = strconv.Atoi(fields[i+1])
	}
	return limits
}
