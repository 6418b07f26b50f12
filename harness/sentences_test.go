package harness_test

import (
	"regexp"
	"strings"
	"testing"
)

// mostWords is how many words a sentence may have. A colon ends a sentence, a
// semicolon does not.
const mostWords = 25

var sentenceEnd = regexp.MustCompile(`[.?!:]["')*_]*(?:\s+|$)|\n\s*(?:\n|- |\* )`)

// TestSentencesAreShort counts the words of each sentence in documents, in doc
// comments of exported names and in registered texts.
func TestSentencesAreShort(t *testing.T) {
	for _, p := range readPassages(t) {
		if !p.doc || isExcused(p) {
			continue
		}
		from := 0
		for _, end := range append(sentenceEnd.FindAllStringIndex(p.text, -1), []int{len(p.text), len(p.text)}) {
			sentence := p.text[from:end[0]]
			if n := countWords(sentence); n > mostWords {
				t.Errorf("%s:%d: %d words in one sentence: %.70q...", p.path, p.lineAt(from), n, strings.Join(strings.Fields(sentence), " "))
			}
			from = end[1]
		}
	}
}

func countWords(sentence string) (n int) {
	for _, f := range strings.Fields(sentence) {
		if strings.ContainsAny(f, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") {
			n++
		}
	}
	return n
}
