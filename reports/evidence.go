package reports

import "strings"

// edgeLines is how many lines of the output of a program the text has from its
// beginning, and as many from its end. The page has all that was kept.
const edgeLines = 6

// splitEvidence splits what an anomaly says: a sentence, and below it what a program
// printed.
func splitEvidence(text string) (sentence, output string) {
	sentence, output, _ = strings.Cut(text, "\n")
	return sentence, output
}

// evidenceText writes what an anomaly says, indented: the sentence, and the edges of the
// output in lines that are cut at the width of the page.
func evidenceText(text, indent string) string {
	sentence, output := splitEvidence(text)
	var b strings.Builder
	b.WriteString(wrap(sentence, pageWidth, indent))
	if output == "" {
		return b.String()
	}
	lines := strings.Split(strings.ReplaceAll(output, "\t", "    "), "\n")
	for i, line := range lines {
		switch {
		case i < edgeLines || i >= len(lines)-edgeLines:
			runes := []rune(indent + "  " + line)
			b.WriteString(strings.TrimRight(string(runes[:min(len(runes), pageWidth)]), " ") + "\n")
		case i == edgeLines:
			b.WriteString(indent + "  ...\n")
		}
	}
	return b.String()
}
