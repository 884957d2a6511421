package schema

import (
	"encoding/json"
	"strconv"
	"strings"
)

// withoutDefaults is the text of a schema without its defaults, which are checked by then. hamba wants those of unions to be of the
// first branch, as the specification did up to 1.11, and takes none that is not valid.
func withoutDefaults(v *jsonValue) string { return string(appendPlain(nil, v)) }

func appendPlain(dst []byte, v *jsonValue) []byte {
	switch v.kind {
	case jsonNull:
		return append(dst, "null"...)
	case jsonBool:
		return strconv.AppendBool(dst, v.truth)
	case jsonNumber:
		return append(dst, v.text...)
	case jsonString:
		return append(dst, quoted(v.text)...)
	case jsonArray:
		dst = append(dst, '[')
		for i := range v.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendPlain(dst, &v.items[i])
		}
		return append(dst, ']')
	default:
		dst = append(dst, '{')
		first := true
		for i, key := range v.keys {
			if key == "default" {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(append(dst, quoted(key)...), ':')
			dst = appendPlain(dst, &v.items[i])
		}
		return append(dst, '}')
	}
}

func quoted(text string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string cannot fail
	return strings.TrimSuffix(out.String(), "\n")
}
