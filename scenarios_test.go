package stampede

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/engine"
)

const scenariosPage = "scenarios/README.md"

// TestScenariosPage compares scenarios/README.md with the registered scenarios and the
// comments of their files. STAMPEDE_UPDATE=1 writes it.
func TestScenariosPage(t *testing.T) {
	was, err := os.ReadFile(scenariosPage)
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	for _, extra := range []bool{false, true} {
		for _, s := range harness.Scenarios() {
			if s.Extra == extra {
				describeScenario(t, &page, s)
			}
		}
	}
	updatePage(t, scenariosPage, string(was), replaceTable(t, string(was), "scenarios", page.String()))
}

// describeScenario writes the section of a scenario.
func describeScenario(t *testing.T, page *strings.Builder, s *harness.Scenario) {
	applied, err := engine.Overrides{}.Apply(*s)
	if err != nil {
		t.Fatal(err)
	}
	info := engine.Info(applied)
	fmt.Fprintf(page, "\n## %s\n\n**%s**\n\n%s\n\n", s.Name, s.Doc, registrationComment(t, s.Name))
	row := func(label, text string) {
		if text != "" {
			fmt.Fprintf(page, "- %s: %s\n", label, text)
		}
	}
	row("load", fmt.Sprintf("%s, keys %s, work %s", info.Pacer, info.Keys, info.Service))
	row("pods", describePods(&applied))
	row("producer", info.Producer)
	row("failing work", info.Failures)
	row("slow work", info.Slowdown)
	for _, f := range info.Faults {
		row("fault", f)
	}
	pass, fail := describeConsumers(s)
	should := "should pass"
	if s.MayOverload {
		should = "should pass, or show that it cannot keep up"
	}
	for _, name := range pass {
		row(should, name)
	}
	row("controls", strings.Join(fail, "; "))
	fmt.Fprintf(page, "\n```\nmake bench SCENARIO=%s\n```\n", s.Name)
}

func describePods(s *harness.Scenario) string {
	text := fmt.Sprintf("%d with %d workers on %d partitions", s.Pods, s.Workers, s.Partitions)
	if s.Spare > 0 {
		text += fmt.Sprintf(", and %d that join", s.Spare)
	}
	return text
}

// describeConsumers says which consumers run by default, and which of them must fail.
func describeConsumers(s *harness.Scenario) (pass, fail []string) {
	for _, name := range s.Consumers {
		base := name[:strings.IndexAny(name+"@", "@?")]
		i, err := harness.FindImplementation(base)
		if err != nil {
			continue // a module without it runs the others
		}
		failing := false
		for _, must := range i.MustFail {
			if must.Scenario == s.Name {
				failing = true
				fail = append(fail, fmt.Sprintf("%s must fail by %s", name, must.Check))
			}
		}
		switch {
		case failing:
		case i.Control():
			fail = append(fail, name+" may fail")
		default:
			pass = append(pass, fmt.Sprintf("%s: %s", name, harness.DescribeClaims(i.Delivery, i.Redelivery, i.Order)))
		}
	}
	return pass, fail
}

// registrationComment is the comment above the registration in the file of a scenario.
func registrationComment(t *testing.T, name string) string {
	path := filepath.Join("scenarios", name+".go")
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && g.Doc != nil {
			return strings.TrimSpace(g.Doc.Text())
		}
	}
	t.Errorf("%s has no comment that says what it stands for and what a good consumer shows", path)
	return ""
}
