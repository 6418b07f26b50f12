package harness_test

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// mostWords is how many words a sentence may have. A colon ends a sentence, a
// semicolon does not.
const mostWords = 25

// toleratedLong is how many longer sentences a folder still has.
var toleratedLong = parseLimits(`
consumers/mutants 3
`)

var sentenceEnd = regexp.MustCompile(`[.?!:]["')*_]*(?:\s+|$)|\n\s*(?:\n|- |\* )`)

// TestSentencesAreShort counts the words of each sentence in documents, in doc
// comments of exported names and in registered texts.
func TestSentencesAreShort(t *testing.T) {
	counts, reports := map[string]int{}, map[string][]func(){}
	for _, p := range readPassages(t) {
		if !p.doc || isExcused(p) {
			continue
		}
		from := 0
		for _, end := range append(sentenceEnd.FindAllStringIndex(p.text, -1), []int{len(p.text), len(p.text)}) {
			sentence := p.text[from:end[0]]
			if n := countWords(sentence); n > mostWords {
				folder, at := path.Dir(p.path), p.lineAt(from)
				counts[folder]++
				reports[folder] = append(reports[folder], func() {
					t.Errorf("%s:%d: %d words in one sentence: %.70q...", p.path, at, n, strings.Join(strings.Fields(sentence), " "))
				})
			}
			from = end[1]
		}
	}
	compareWithTolerated(t, toleratedLong, counts, reports)
}

func countWords(sentence string) (n int) {
	for _, f := range strings.Fields(sentence) {
		if strings.ContainsAny(f, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") {
			n++
		}
	}
	return n
}
