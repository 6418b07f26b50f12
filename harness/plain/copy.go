package plain

import (
	"reflect"
	"sync"
)

// Copy is a copy of v in which each string is harmless, see [Text]. It goes through
// pointers, slices, maps and exported fields. The copy shares with v what has no text that
// changes: all of it, where v is harmless already.
func Copy[T any](v T) T { return Map(v, Text) }

// Map is a copy of v in which each string has passed through f, see [Copy].
func Map[T any](v T, f func(string) string) T {
	to, changed := mapValue(reflect.ValueOf(&v).Elem(), f)
	if !changed {
		return v
	}
	return to.Interface().(T)
}

// mapValue is v with mapped strings, and whether any of them has changed. It copies only
// what leads to such a string.
func mapValue(v reflect.Value, f func(string) string) (to reflect.Value, changed bool) {
	if !holdsText(v.Type()) {
		return v, false
	}
	switch v.Kind() {
	case reflect.String:
		was := v.String()
		now := f(was)
		if now == was {
			return v, false
		}
		to = reflect.New(v.Type()).Elem()
		to.SetString(now)
		return to, true
	case reflect.Pointer:
		return mapPointer(v, f)
	case reflect.Slice:
		return mapSlice(v, f)
	case reflect.Map:
		return mapEntries(v, f)
	case reflect.Struct:
		return mapStruct(v, f)
	}
	return v, false
}

func mapPointer(v reflect.Value, f func(string) string) (reflect.Value, bool) {
	if v.IsNil() {
		return v, false
	}
	e, changed := mapValue(v.Elem(), f)
	if !changed {
		return v, false
	}
	to := reflect.New(v.Type().Elem())
	to.Elem().Set(e)
	return to, true
}

func mapSlice(v reflect.Value, f func(string) string) (reflect.Value, bool) {
	to, copied := v, false
	for i := range v.Len() {
		e, changed := mapValue(v.Index(i), f)
		if changed && !copied {
			to, copied = reflect.MakeSlice(v.Type(), v.Len(), v.Len()), true
			reflect.Copy(to, v)
		}
		if changed {
			to.Index(i).Set(e)
		}
	}
	return to, copied
}

func mapEntries(v reflect.Value, f func(string) string) (reflect.Value, bool) {
	to, changed := reflect.MakeMapWithSize(v.Type(), v.Len()), false
	for at := v.MapRange(); at.Next(); {
		key, other := mapValue(at.Key(), f)
		value, another := mapValue(at.Value(), f)
		changed = changed || other || another
		to.SetMapIndex(key, value)
	}
	if !changed {
		return v, false
	}
	return to, true
}

func mapStruct(v reflect.Value, f func(string) string) (reflect.Value, bool) {
	to, copied := v, false
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue
		}
		e, changed := mapValue(v.Field(i), f)
		if changed && !copied {
			to, copied = reflect.New(v.Type()).Elem(), true
			to.Set(v)
		}
		if changed {
			to.Field(i).Set(e)
		}
	}
	return to, copied
}

// textTypes has what holdsText found for a type.
var textTypes sync.Map

// holdsText reports whether a value of the type can hold a string that Map reaches. The
// type must not contain itself.
func holdsText(t reflect.Type) bool {
	if known, ok := textTypes.Load(t); ok {
		return known.(bool)
	}
	holds := t.Kind() == reflect.String
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		holds = holdsText(t.Elem())
	case reflect.Map:
		holds = holdsText(t.Key()) || holdsText(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			holds = holds || t.Field(i).IsExported() && holdsText(t.Field(i).Type)
		}
	}
	textTypes.Store(t, holds)
	return holds
}
