package reports

import "strings"

// commandParts splits a command into the parts that a line break may separate: an
// argument, or a flag with its value.
func commandParts(command string) []string {
	var parts []string
	for _, w := range shellWords(command) {
		if n := len(parts); n > 0 && takesValue(parts[n-1]) && !isFlag(w) {
			parts[n-1] += " " + w
			continue
		}
		parts = append(parts, w)
	}
	return parts
}

// shellWords splits a command at spaces outside single quotes. Outside quotes, a
// backslash quotes the next character.
func shellWords(command string) []string {
	var words []string
	quoted, escaped, start := false, false, 0
	for i, r := range command {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && !quoted:
			escaped = true
		case r == '\'':
			quoted = !quoted
		case r == ' ' && !quoted:
			words = append(words, command[start:i])
			start = i + 1
		}
	}
	if command == "" {
		return nil
	}
	return append(words, command[start:])
}

func isFlag(word string) bool { return strings.HasPrefix(strings.TrimPrefix(word, "'"), "-") }

func takesValue(part string) bool { return isFlag(part) && !strings.ContainsAny(part, "= ") }
