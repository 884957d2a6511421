package codegen

import (
	"strings"
	"unicode"
)

// initialisms are spelt in capitals in Go names.
var initialisms = map[string]bool{
	"api": true, "html": true, "http": true, "https": true, "id": true, "ip": true, "json": true, "sql": true,
	"ssn": true, "tls": true, "ttl": true, "uri": true, "url": true, "utc": true, "uuid": true, "vat": true, "xml": true,
}

// goName turns an Avro name, without namespace, into an exported Go name:
// words at underscores and at lower-to-upper borders, "tail_number" and
// "tailNumber" to TailNumber.
func goName(name string) string {
	var b strings.Builder
	for _, word := range words(name) {
		if initialisms[strings.ToLower(word)] {
			b.WriteString(strings.ToUpper(word))
			continue
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	out := b.String()
	if out == "" || !unicode.IsUpper(rune(out[0])) {
		out = "X" + out // a name of underscores and digits only
	}
	return out
}

func words(name string) []string {
	var out []string
	start := 0
	for i := 1; i <= len(name); i++ {
		border := i == len(name) || name[i] == '_' || name[i-1] == '_' ||
			(unicode.IsLower(rune(name[i-1])) && unicode.IsUpper(rune(name[i])))
		if !border {
			continue
		}
		if word := strings.Trim(name[start:i], "_"); word != "" {
			out = append(out, word)
		}
		start = i
	}
	return out
}

// constName turns an enum symbol into the tail of a constant's name:
// "IN_TRANSIT" to InTransit.
func constName(symbol string) string {
	if symbol == strings.ToUpper(symbol) {
		symbol = strings.ToLower(symbol)
	}
	return goName(symbol)
}

// lastName returns a full name without its namespace.
func lastName(full string) string { return full[strings.LastIndexByte(full, '.')+1:] }

// snake turns a file name such as "OrderPlaced.avsc" into "order_placed", in
// letters, digits and underscores that every file system and the go command take.
func snake(file string) string {
	file = strings.TrimSuffix(baseName(file), ".avsc")
	plain := strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, file)
	if name := strings.ToLower(strings.Join(words(plain), "_")); name != "" {
		return name
	}
	return "schema"
}

func baseName(file string) string { return file[strings.LastIndexAny(file, `/\`)+1:] }
