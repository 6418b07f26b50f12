package reports

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
)

// A page with hundreds of runs has most of its elements in charts and evidence, which a
// reader opens one by one. So these parts are not elements of the page at first. Each
// scenario has them packed, and the page's script draws a part once it is in view.

// renderPart adds a part, which is what a template writes.
func renderPart(parts map[string]string, name, template string, data any) error {
	var b strings.Builder
	if err := pageTemplate.ExecuteTemplate(&b, template, data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	parts[name] = b.String()
	return nil
}

// packParts packs parts as an object of JSON, deflated (RFC 1950), in base64. A browser
// has readers for all three.
func packParts(parts map[string]string) (template.HTML, error) {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	e := json.NewEncoder(z)
	e.SetEscapeHTML(false)
	if err := e.Encode(parts); err != nil {
		return "", fmt.Errorf("pack parts: %w", err)
	}
	if err := z.Close(); err != nil {
		return "", fmt.Errorf("pack parts: %w", err)
	}
	return template.HTML(base64.StdEncoding.EncodeToString(b.Bytes())), nil
}
