package project

import (
	"bytes"
	"encoding/json"
)

// JSONSchema returns the JSON Schema (draft 2020-12) of headrace.yaml, for editors and other checkers. It is made of the shape that
// the strict reader checks. What one cannot say in it, such as units and names that refer to each other, the reader checks alone.
func JSONSchema() ([]byte, error) {
	defs := map[string]any{}
	root := layout().jsonSchema(defs)
	root["$defs"] = defs
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "headrace.yaml"
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(root)
	return text.Bytes(), err
}

// jsonSchema returns the keywords for a part of the file. One that stands in several places is written once, among defs.
func (s *shape) jsonSchema(defs map[string]any) map[string]any {
	if s.def == "" {
		return s.keywords(defs)
	}
	if defs[s.def] == nil {
		defs[s.def] = s.keywords(defs)
	}
	return map[string]any{"$ref": "#/$defs/" + s.def}
}

func (s *shape) keywords(defs map[string]any) map[string]any {
	keywords := map[string]any{}
	if s.doc != "" {
		keywords["description"] = s.doc
	}
	if len(s.examples) > 0 {
		keywords["examples"] = s.examples
	}
	if len(s.choices) > 0 && s.kind != eitherPart {
		keywords["enum"] = s.choices
	}
	switch s.kind {
	case objectPart:
		s.objectKeywords(keywords, defs)
	case dictPart:
		keywords["type"], keywords["additionalProperties"] = "object", s.items.jsonSchema(defs)
	case listPart:
		keywords["type"], keywords["items"] = "array", s.items.jsonSchema(defs)
	case eitherPart:
		var all []any
		for _, one := range s.either {
			all = append(all, one.jsonSchema(defs))
		}
		keywords["anyOf"] = all
	case boolPart:
		keywords["type"] = "boolean"
	case numberPart:
		keywords["type"], keywords["minimum"] = "integer", s.minimum
	case scalarPart:
		keywords["type"] = []string{"string", "number", "boolean"}
	default:
		keywords["type"] = "string"
	}
	return keywords
}

func (s *shape) objectKeywords(keywords, defs map[string]any) {
	properties := map[string]any{}
	var required []string
	for _, f := range s.fields {
		if f.secret {
			continue // refused, so that it is no property
		}
		properties[f.name] = f.jsonSchema(defs)
		if f.required {
			required = append(required, f.name)
		}
	}
	keywords["type"], keywords["properties"], keywords["additionalProperties"] = "object", properties, false
	if required != nil {
		keywords["required"] = required
	}
	if s.openWord != "" {
		keywords["additionalProperties"] = map[string]any{"type": []string{"string", "number", "boolean"}}
		keywords["propertyNames"] = map[string]any{"anyOf": []any{map[string]any{"enum": s.names()}, map[string]any{"pattern": s.openWord}}}
	}
}
