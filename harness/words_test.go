package harness_test

import (
	"regexp"
	"slices"
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

func TestTextsUsePlainWords(t *testing.T) {
	rules := compileWords(append(append([]word{}, plainEnglish...), retiredWords...))
	report := func(p passage, offset int, found, instead string) {
		if !isExcused(p) {
			t.Errorf("%s:%d: %q: write %s", p.path, p.lineAt(offset), found, instead)
		}
	}
	for _, p := range readPassages(t) {
		lower := strings.ToLower(p.text)
		for _, r := range rules {
			if !containsAny(lower, r.stems) {
				continue
			}
			for _, at := range r.pattern.FindAllStringIndex(lower, -1) {
				report(p, at[0], p.text[at[0]:at[1]], r.instead)
			}
		}
		for _, at := range clauseSubjects.FindAllStringSubmatchIndex(p.text, -1) {
			if sentence, _, _ := strings.Cut(p.text[at[2]:], "."); !strings.Contains(sentence, "?") {
				report(p, at[2], p.text[at[2]:at[3]], "a noun as the subject: the member that")
			}
		}
	}
}

// wordRule is a word that was compiled.
type wordRule struct {
	stems   []string // stems begin the alternatives of pattern: a text without them needs no regular expression.
	pattern *regexp.Regexp
	instead string
}

var (
	optional   = regexp.MustCompile(`.[?*]`)
	firstWords = regexp.MustCompile(`^[a-z]+`)
)

func compileWords(words []word) (rules []wordRule) {
	for _, w := range words {
		r := wordRule{pattern: regexp.MustCompile(`\b(?:` + strings.ReplaceAll(w.pattern, " ", `\s+`) + `)\b`), instead: w.instead}
		for _, alternative := range strings.Split(optional.ReplaceAllString(w.pattern, "("), "|") {
			r.stems = append(r.stems, firstWords.FindString(alternative))
		}
		rules = append(rules, r)
	}
	return rules
}

func containsAny(text string, stems []string) bool {
	return slices.ContainsFunc(stems, func(stem string) bool { return strings.Contains(text, stem) })
}

// TestWordRulesFindTheirWords guards the lists: a rule with a mistake finds nothing.
func TestWordRulesFindTheirWords(t *testing.T) {
	rules := compileWords(append(append([]word{}, plainEnglish...), retiredWords...))
	for text, want := range map[string]int{
		"nobody\nwaits": 1, "for\n good": 1, "work of who holds it": 1, "two tenures": 1, "none is left": 1, "it was hung up": 1,
		"a hotlane in the plane": 0, "0 for none": 0, "whose member leads": 0,
	} {
		found := 0
		for _, r := range rules {
			if containsAny(text, r.stems) {
				found += len(r.pattern.FindAllString(text, -1))
			}
		}
		if found != want {
			t.Errorf("%q has %d words of the lists, want %d", text, found, want)
		}
	}
	for text, want := range map[string]bool{"Who has it waits.": true, "Done. Who waits gets it.": true, "It knows who leads.": false} {
		if clauseSubjects.MatchString(text) != want {
			t.Errorf("%q begins with a clause: want %v", text, want)
		}
	}
}

func isExcused(p passage) bool {
	for _, e := range excused {
		if e.path == p.path && strings.Contains(p.text, e.text) {
			return true
		}
	}
	return false
}
