package lint

import (
	"strings"
	"unicode"
)

// words splits a name at underscores and where a capital begins a word: "placedAt" and "PLACED_AT" are placed and at.
func words(name string) []string {
	var list []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			list = append(list, strings.ToLower(string(word)))
		}
		word = nil
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case r == '_':
			end()
			continue
		case unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			end()
		}
		word = append(word, r)
	}
	end()
	return list
}

func last(name string) string {
	list := words(name)
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

func pascal(name string) string {
	text := ""
	for _, w := range words(name) {
		text += strings.ToUpper(w[:1]) + w[1:]
	}
	return text
}

func snake(name string) string { return strings.Join(words(name), "_") }

func unqualified(fullName string) string { return fullName[strings.LastIndexByte(fullName, '.')+1:] }

// namespace is a full name without its last part.
func namespace(fullName string) string {
	return strings.TrimSuffix(strings.TrimSuffix(fullName, unqualified(fullName)), ".")
}
