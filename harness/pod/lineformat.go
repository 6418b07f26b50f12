package pod

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// lineHandler makes lines of what a consumer logs: the message, its attributes, and errors
// behind a colon, as in "commit refused topic=source: UNKNOWN_MEMBER_ID".
type lineHandler struct {
	lines  *lines
	attrs  string // attrs are those of the logger.
	errors string
	group  string // group begins the names of attributes.
}

// Enabled implements [slog.Handler].
func (h lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

// Handle implements [slog.Handler].
func (h lineHandler) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		h.add(a)
		return true
	})
	h.lines.write(cutLine(strings.Join(strings.Fields(r.Message+h.attrs+h.errors), " ")))
	return nil
}

// WithAttrs implements [slog.Handler].
func (h lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.add(a)
	}
	return h
}

// WithGroup implements [slog.Handler].
func (h lineHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.group += name + "."
	}
	return h
}

func (h *lineHandler) add(a slog.Attr) {
	value := a.Value.Resolve()
	err, isError := value.Any().(error)
	switch {
	case a.Equal(slog.Attr{}):
	case isError:
		h.errors += ": " + fmt.Sprint(err) // Sprint recovers from the panic of a nil pointer
	case value.Kind() == slog.KindGroup:
		inside := *h
		if a.Key != "" {
			inside.group += a.Key + "."
		}
		for _, b := range value.Group() {
			inside.add(b)
		}
		h.attrs, h.errors = inside.attrs, inside.errors
	default:
		h.attrs += fmt.Sprintf(" %s%s=%v", h.group, a.Key, value)
	}
}

// cutLine cuts a line between two runes.
func cutLine(text string) string {
	if len(text) <= maxLine {
		return text
	}
	const more = " ..."
	cut := maxLine - len(more)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + more
}
