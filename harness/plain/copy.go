package plain

import "reflect"

// Copy is a copy of v in which each string is harmless, see [Text]. It goes through
// pointers, slices, maps and exported fields. The copy shares what holds no text with v.
func Copy[T any](v T) T { return Map(v, Text) }

// Map is a copy of v in which each string has passed through f, see [Copy].
func Map[T any](v T, f func(string) string) T {
	to := reflect.New(reflect.TypeFor[T]()).Elem()
	to.Set(mapValue(reflect.ValueOf(&v).Elem(), f))
	return to.Interface().(T)
}

func mapValue(v reflect.Value, f func(string) string) reflect.Value {
	if !holdsText(v.Type()) {
		return v
	}
	to := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		to.SetString(f(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			to.Set(reflect.New(v.Type().Elem()))
			to.Elem().Set(mapValue(v.Elem(), f))
		}
	case reflect.Slice:
		if !v.IsNil() {
			to.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		for i := range v.Len() {
			to.Index(i).Set(mapValue(v.Index(i), f))
		}
	case reflect.Map:
		if !v.IsNil() {
			to.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		}
		for at := v.MapRange(); at.Next(); {
			to.SetMapIndex(mapValue(at.Key(), f), mapValue(at.Value(), f))
		}
	case reflect.Struct:
		to.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				to.Field(i).Set(mapValue(v.Field(i), f))
			}
		}
	}
	return to
}

// holdsText reports whether a value of the type can hold a string that Map reaches. The
// type must not contain itself.
func holdsText(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String:
		return true
	case reflect.Pointer, reflect.Slice:
		return holdsText(t.Elem())
	case reflect.Map:
		return holdsText(t.Key()) || holdsText(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() && holdsText(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
