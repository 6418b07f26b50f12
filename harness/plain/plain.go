// Package plain makes text from outside harmless: names, docs, values of knobs, errors
// and what programs print. The result is text that a terminal, a log of a build and a
// page show as it is.
//
// What remains is graphic characters, tabs and newlines. Sequences that colour or command
// a terminal are dropped. Any other character is written as Go writes it in a string, as
// \x00 or \u202e. Words that a build service would take for a command are split.
//
// Each form of report adds the quoting that it needs, for instance that of HTML.
package plain

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// terminalSequences are the control sequences, the control strings and the other escape
// sequences of ECMA-48, in their forms with ESC and with one character.
var terminalSequences = regexp.MustCompile(
	`(?:\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]` +
		`|(?:\x1b[\]PX^_]|[\x{9d}\x{90}\x{98}\x{9e}\x{9f}])[^\x00-\x1f\x7f\x{9c}]*(?:\x07|\x1b\\|\x{9c})` +
		`|\x1b[ -/]*[0-~]`)

// Build services take commands from the output of a build: GitHub from a line that begins
// with two colons, GitHub and others from a word that begins with two hash signs.
var (
	colonCommands = regexp.MustCompile(`(^|[\s\p{Zs}])(:{2,})`)
	hashCommands  = regexp.MustCompile(`##(\[|vso\[|teamcity\[)`)
)

// Text is s as harmless text, which may have several lines. Harmless text stays as it is.
func Text(s string) string {
	if isPlain(s) {
		return s
	}
	s = terminalSequences.ReplaceAllString(s, "")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	s = showControls(s)
	s = hashCommands.ReplaceAllString(s, "# #$1")
	return colonCommands.ReplaceAllStringFunc(s, func(word string) string {
		colons := strings.Count(word, ":")
		return strings.TrimRight(word, ":") + strings.TrimSuffix(strings.Repeat(": ", colons), " ")
	})
}

// Line is s as harmless text in one line.
func Line(s string) string { return strings.NewReplacer("\n", " ", "\t", " ").Replace(Text(s)) }

// isPlain reports whether s is surely harmless. Most texts are.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' && c != '\n' && c != '\t') || c > '~' || i > 0 && (c == ':' || c == '#') && s[i-1] == c {
			return false
		}
	}
	return true
}

// showControls writes each character that is not graphic as Go writes it in a string.
func showControls(s string) string {
	var b strings.Builder
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' || r == '\t' || unicode.IsGraphic(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// Error is err with a harmless message. It is nil for nil.
func Error(err error) error {
	if err == nil || isPlain(err.Error()) {
		return err
	}
	return plainError{err}
}

type plainError struct{ cause error }

// Error implements error.
func (e plainError) Error() string { return Text(e.cause.Error()) }

// Unwrap is the error as it was.
func (e plainError) Unwrap() error { return e.cause }
