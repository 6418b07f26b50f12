package wire

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// errorField is the field of kmsg's responses that has an error code, at the top or for each
// group, topic, partition or key.
const errorField = "ErrorCode"

// refusalOf is the response of a broker that refuses all that a request asks for.
func refusalOf(req kmsg.Request, code int16) kmsg.Response {
	resp := req.ResponseKind()
	refuseFields(reflect.ValueOf(resp).Elem(), reflect.ValueOf(req).Elem(), code)
	return resp
}

// refuseFields sets each error code of a response, or of a part of one. A part of the response
// answers the part of the request with the same name and the same identity.
func refuseFields(resp, req reflect.Value, code int16) {
	for i := range resp.NumField() {
		name, field := resp.Type().Field(i).Name, resp.Field(i)
		switch {
		case name == errorField:
			field.SetInt(int64(code))
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			asked := req.FieldByName(name)
			if keys := req.FieldByName("CoordinatorKeys"); !asked.IsValid() && keys.IsValid() {
				asked = keys
			}
			if asked.Kind() != reflect.Slice {
				continue
			}
			field.Set(reflect.MakeSlice(field.Type(), asked.Len(), asked.Len()))
			for n := range asked.Len() {
				refusePart(field.Index(n), asked.Index(n), code)
			}
		}
	}
}

// refusePart refuses one group, topic, partition or key.
func refusePart(resp, req reflect.Value, code int16) {
	if d, ok := resp.Addr().Interface().(interface{ Default() }); ok {
		d.Default()
	}
	if req.Kind() != reflect.Struct { // a list of partitions, or of keys
		for _, name := range []string{"Partition", "Key"} {
			if field := resp.FieldByName(name); field.IsValid() && field.Type() == req.Type() {
				field.Set(req)
			}
		}
		refuseFields(resp, reflect.ValueOf(struct{}{}), code)
		return
	}
	for i := range resp.NumField() {
		same := req.FieldByName(resp.Type().Field(i).Name)
		if field := resp.Field(i); same.IsValid() && same.Type() == field.Type() {
			field.Set(same)
		}
	}
	refuseFields(resp, req, code)
}

// hasErrorCode reports whether responses of a kind can refuse a request.
func hasErrorCode(key int16) bool {
	resp := kmsg.ResponseForKey(key)
	return resp != nil && holdsErrorCode(reflect.TypeOf(resp).Elem())
}

func holdsErrorCode(t reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == errorField || f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct && holdsErrorCode(f.Type.Elem()) {
			return true
		}
	}
	return false
}

// codeOf is the first error code of a response, or 0 if it is accepted. It reports false for one
// that cannot be read, and for one of a share group without records or acknowledgements, which
// carried out nothing.
func codeOf(resp kmsg.Response) (code int16, ok bool) {
	if resp == nil {
		return 0, false
	}
	code = errorOf(resp)
	return code, code != 0 || carriedOut(resp)
}

func carriedOut(resp kmsg.Response) bool {
	switch resp := resp.(type) {
	case *kmsg.ShareAcknowledgeResponse:
		return len(resp.Topics) > 0
	case *kmsg.ShareFetchResponse:
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if len(p.AcquiredRecords) > 0 {
					return true
				}
			}
		}
		return false
	}
	return true
}

// errorOf is the first error code of a response, or 0.
func errorOf(resp kmsg.Response) int16 { return errorIn(reflect.ValueOf(resp).Elem()) }

func errorIn(part reflect.Value) int16 {
	for i := range part.NumField() {
		field := part.Field(i)
		switch {
		case part.Type().Field(i).Name == errorField:
			if code := int16(field.Int()); code != 0 {
				return code
			}
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			for n := range field.Len() {
				if code := errorIn(field.Index(n)); code != 0 {
					return code
				}
			}
		}
	}
	return 0
}
