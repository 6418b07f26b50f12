package harness

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// registry has the entries of one kind by name. Packages register while they
// initialise. A duplicate name or an empty one is a programmer's error and panics.
type registry[T any] struct {
	kind   string
	hidden func(T) bool // hidden entries are found, and never proposed; nil hides no entry
	mu     sync.Mutex
	all    map[string]T
}

func (g *registry[T]) add(name string, v T) T {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := checkName("Name", name); err != nil {
		panic(fmt.Sprintf("register %s: %v", g.kind, err))
	}
	if _, dup := g.all[name]; dup {
		panic(fmt.Sprintf("register %s %q: the name is registered already", g.kind, name))
	}
	if g.all == nil {
		g.all = map[string]T{}
	}
	g.all[name] = v
	return v
}

func (g *registry[T]) sorted() []T {
	g.mu.Lock()
	defer g.mu.Unlock()
	var vs []T
	for _, name := range slices.Sorted(maps.Keys(g.all)) {
		vs = append(vs, g.all[name])
	}
	return vs
}

func (g *registry[T]) find(name string) (T, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v, ok := g.all[name]; ok {
		return v, nil
	}
	var zero T
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(g.all)), func(n string) bool { return g.hidden != nil && g.hidden(g.all[n]) })
	return zero, UnknownName(g.kind, name, names)
}

var (
	implementations = registry[*Implementation]{kind: "consumer", hidden: func(i *Implementation) bool { return i.Mutant }}
	scenarios       = registry[*Scenario]{kind: "scenario"}
	backends        = registry[Backend]{kind: "broker"}
)

// Register registers an implementation; call it from a package variable. It panics
// with the name of the field where a field has a value that means nothing.
func Register(i Implementation) *Implementation {
	if err := i.Validate(); err != nil {
		panic(fmt.Sprintf("register consumer %q: %v", i.Name, err))
	}
	if i.Delivery != "" {
		i.Order = cmp.Or(i.Order, OrderKey)
	}
	return implementations.add(i.Name, &i)
}

// RegisterScenario registers a scenario; call it from a package variable. It panics
// as [Register] does.
func RegisterScenario(s Scenario) *Scenario {
	if err := s.Validate(); err != nil {
		panic(fmt.Sprintf("register scenario %q: %v", s.Name, err))
	}
	return scenarios.add(s.Name, &s)
}

// RegisterBackend registers a back end; call it from a package variable.
func RegisterBackend(b Backend) Backend {
	if b == nil {
		panic("register broker: it is nil")
	}
	return backends.add(b.Name(), b)
}

// Implementations are the registered consumers by name, mutants included.
func Implementations() []*Implementation { return implementations.sorted() }

// Scenarios are the registered scenarios by name.
func Scenarios() []*Scenario { return scenarios.sorted() }

// FindImplementation, FindScenario and FindBackend return the entry of a name, or an
// error that proposes the nearest name.
func FindImplementation(name string) (*Implementation, error) { return implementations.find(name) }

// FindScenario: see [FindImplementation].
func FindScenario(name string) (*Scenario, error) { return scenarios.find(name) }

// FindBackend: see [FindImplementation].
func FindBackend(name string) (Backend, error) { return backends.find(name) }

// UnknownName is the error for a name that is not among the known ones; it proposes
// the nearest. kind is the word for what was named, as "check".
func UnknownName(kind, name string, known []string) error {
	if len(known) == 0 {
		return fmt.Errorf("unknown %s %q: no %s is registered", kind, name, kind)
	}
	best, distance := "", len(name)/2+2
	for _, k := range known {
		d := EditDistance(name, k)
		if len(name) > 1 && strings.HasPrefix(k, name) {
			d = 0
		}
		if d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Errorf("unknown %s %q, did you mean %q? There are: %s", kind, name, best, strings.Join(known, ", "))
	}
	return fmt.Errorf("unknown %s %q; there are: %s", kind, name, strings.Join(known, ", "))
}

// EditDistance is the Levenshtein distance of two names.
func EditDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
