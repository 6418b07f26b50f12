// Package plaintest has hostile texts for tests of what writes text for people.
package plaintest

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Forged is a whole line of one of the hostile texts.
const Forged = "PASS: a line that nothing else has"

// Hostile are texts that a name, a doc, a value, an error or the output of a program may
// have. Markup calls url, which a test serves. A script that runs marks the page as pwned.
func Hostile(url string) []string {
	script := fmt.Sprintf(`document.documentElement.dataset.pwned=1;new Image().src='%s/script'`, url)
	return []string{
		"\x1b[31mred\x1b[0m\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]8;;" + url + "\x1b\\link\x1b]8;;\x1b\\", "\u009b31m", "\u009d0;title\u009c", "\x1bc\x1b(0",
		"\x1b]0;without an end", "nul \x00 bell \a backspace \b\b\b delete \x7f", "over\rwritten", "\n" + Forged + "\n", "two\r\nlines\nand\ttab",
		"right \u202e to left \u202c \u2066 isolate \u2069 mark \u200f", "line\u2028separator\u2029", "\ufeffinvisible\u200b", "not a character \ufffe \uffff",
		"invalid \xff\xfe\xc3( UTF-8", "half of a character \xe2\x82",
		"<script>" + script + "</script>", "</script><script>" + script + "</script>", "</style><script>" + script + "</script>", "</title><script>" + script + "</script>",
		"</textarea></pre></svg><svg onload=\"" + script + "\">", `"><img src="` + url + `/img" onerror="` + script + `">`, `' onmouseover='` + script + `' autofocus onfocus='` + script,
		"<link rel=stylesheet href=" + url + "/css><iframe src=" + url + "/frame></iframe>", "<meta http-equiv=refresh content='0;url=" + url + "/meta'>",
		"<a href=\"javascript:" + script + "\" ping=" + url + ">", "url(" + url + "/url);}*{background:url(" + url + "/style)}", "<!--", "]]>", "<![CDATA[", "&lt;script&gt; &#60;b&#62;",
		"{{.Headline}} ${7*7} `" + script + "` \\\"; " + script + "//",
		"![image](" + url + "/md.png)", "[link](" + url + "/md)", "<" + url + "/auto>", url + "/bare", "www.example.com/bare", "| a | b |\n|---|---|", "\n# heading\n- list\n> quote\n```\ncode", "*a* _b_ **c** ~~d~~ `e` \\",
		"::set-output name=a::b", "\n::error file=a::b", "a  ::add-mask::b", ":::::", "\u00a0::stop-commands::x", ":\x1b[0m:warning::hidden", "##[error]", "##vso[task.setvariable variable=a]b", "##teamcity[testFailed]", "##\x1b[0m[group]a",
	}
}

var buildCommand = regexp.MustCompile(`(?m)^[\s\p{Zs}]*::|##(?:\[|vso\[|teamcity\[)`)

// Harm says what is harmful in a text for people, "" if nothing is.
func Harm(text string) string {
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") {
			return fmt.Sprintf("invalid UTF-8 at %q", text[i:min(len(text), i+10)])
		}
		if r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
			return fmt.Sprintf("the character %U at %q", r, text[max(0, i-20):i])
		}
	}
	if found := buildCommand.FindString(text); found != "" {
		return fmt.Sprintf("a command for a build service: %q", found)
	}
	return ""
}
