package bench

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/stampede-bench/stampede/harness"
)

// maxSafeName leaves room for a scenario and a repeat in the name of a folder, which has
// at most 255 bytes.
const maxSafeName = 120

// subtestName is a consumer's name in a form that -run can match and that is one name
// of a folder. Values of knobs may have any characters.
func subtestName(c harness.Selection) string {
	name := strings.Replace(c.Name(), "?", ",", 1)
	return safeName(strings.ReplaceAll(name, "&", ","))
}

// safeName replaces all characters that mean something in a path, a pattern or a shell.
// A name that it changes ends in a hash, so that different names stay different.
func safeName(name string) string {
	safe := strings.Map(func(r rune) rune {
		if isSafe(r) {
			return r
		}
		return '_'
	}, name)
	if safe == name && len(name) <= maxSafeName {
		return name
	}
	hash := fnv.New32a()
	hash.Write([]byte(name))
	return fmt.Sprintf("%s-%08x", safe[:min(len(safe), maxSafeName)], hash.Sum32())
}

// isSafe reports whether a character stands for itself in a path and in a shell.
func isSafe(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.,=@", r)
}

// quoteWord is a word of a command as a shell reads it.
func quoteWord(word string) string {
	for _, r := range word {
		if !isSafe(r) && !strings.ContainsRune(":/+%", r) {
			return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	if word == "" {
		return "''"
	}
	return word
}
