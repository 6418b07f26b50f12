package plain

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/stampede-bench/stampede/harness/plain/plaintest"
)

func TestTextIsHarmlessAndReadable(t *testing.T) {
	for given, want := range map[string]string{
		"":                                "",
		"keyed@848?workers=8: a [::1]:80": "keyed@848?workers=8: a [::1]:80",
		"µs, Größe, 日本語, 🙂 and\ttab\n": "µs, Größe, 日本語, 🙂 and\ttab\n",
		"\x1b[1;31mERROR\x1b[0m boom":  "ERROR boom",
		"\x1b]0;title\x07text":         "text",
		"\x1b]0;no end":                "0;no end",
		"a\x00b\x1b":                   `a\x00b\x1b`,
		"evil\u202etxt.exe":            `evil\u202etxt.exe`,
		"\xff\xc3(":                    `\xff\xc3(`,
		"50 %\r100 %\r\n":              "50 %\n100 %\n",
		"::error::a ::b a::b":          ": :error::a : :b a::b",
		"\n :::":                       "\n : : :",
		"##[group] ##vso[a] ## title":  "# #[group] # #vso[a] ## title",
	} {
		if got := Text(given); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}

func TestHostileTextsBecomeHarmlessOnce(t *testing.T) {
	harmful := 0
	for _, s := range plaintest.Hostile("http://127.0.0.1:1") {
		if plaintest.Harm(s) != "" {
			harmful++
		}
		once := Text(s)
		if harm := plaintest.Harm(once); harm != "" {
			t.Errorf("%q became %q, which has %s", s, once, harm)
		}
		if twice := Text(once); twice != once {
			t.Errorf("%q became %q, then %q", s, once, twice)
		}
	}
	if harmful < 20 {
		t.Errorf("only %d of the hostile texts are harmful as text: the test has lost its meaning", harmful)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range plaintest.Hostile("http://127.0.0.1:1") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Text(s)
		if harm := plaintest.Harm(once); harm != "" || Text(once) != once {
			t.Errorf("%q became %q, then %q: %s", s, once, Text(once), harm)
		}
	})
}

func TestCopyReachesEachString(t *testing.T) {
	type name string
	type inner struct {
		Name   name
		Values []float64
	}
	type outer struct {
		inner
		*time.Location
		Text   string
		Inner  *inner
		List   []inner
		Set    map[string]inner
		At     time.Time
		hidden string
	}
	const bad, good = "a\x00", `a\x00`
	now := time.Now()
	given := outer{Text: bad, Inner: &inner{Name: bad}, List: []inner{{bad, []float64{1}}}, Set: map[string]inner{bad: {Name: bad}}, At: now, hidden: bad}
	got := Copy(given)
	want := outer{Text: good, Inner: &inner{Name: good}, List: []inner{{good, []float64{1}}}, Set: map[string]inner{good: {Name: good}}, At: now, hidden: bad}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if given.List[0].Name != bad || given.Inner.Name != bad {
		t.Error("the original has changed")
	}
	if &got.List[0].Values[0] != &given.List[0].Values[0] {
		t.Error("numbers were copied")
	}
	if again := Copy(got); &again.List[0] != &got.List[0] || again.Inner != got.Inner {
		t.Error("harmless texts were copied")
	}
	var none *outer
	if Copy(none) != nil || Copy([]string(nil)) != nil || Copy(map[string]string(nil)) != nil {
		t.Error("nil has become something")
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	cause := errors.New("broken\x1b[2J")
	if err := Error(cause); err.Error() != "broken" || !errors.Is(err, cause) {
		t.Errorf("it became %q", err)
	}
	if Error(nil) != nil {
		t.Error("no error has become one")
	}
}
