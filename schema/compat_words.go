package schema

import (
	"fmt"
	"slices"
	"strings"
)

// told puts a problem into words. With forward set it is the writer's schema that is new and can be mended.
func (p problem) told(forward bool) Incompatibility {
	i := Incompatibility{
		Path: p.reader.pointer, Kind: p.kind, Message: p.message(), Forward: forward,
		Reader: Side{p.reader.notation(), p.reader.pointer, p.reader.home},
		Writer: Side{p.writer.notation(), p.writer.pointer, p.writer.home},
	}
	if p.field != nil {
		i.Path = p.field.pointer
		i.Reader.Type, i.Reader.Pointer = p.field.typ.notation(), p.field.pointer
	}
	if forward {
		i.Hint = p.writersHint()
	} else {
		i.Hint = p.readersHint()
	}
	return i
}

func (p problem) message() string {
	reader, writer := p.reader, p.writer
	switch p.kind {
	case TypeMismatch:
		return fmt.Sprintf("the reader's %s cannot be read from the writer's %s", reader.describe(), writer.describe())
	case NameMismatch:
		return fmt.Sprintf("the reader's %s is the writer's %s, and is no alias of it", reader.name, writer.name)
	case FixedSizeMismatch:
		return fmt.Sprintf("fixed %s has %d bytes for the reader and %d for the writer", reader.name, reader.size, writer.size)
	case MissingEnumSymbols:
		if reader.mistake != nil {
			return fmt.Sprintf("the reader's enum %s lacks %s, and its default is not valid: %s", reader.name, strings.Join(missingSymbols(reader, writer), ", "), reader.mistake.Reason)
		}
		return fmt.Sprintf("the reader's enum %s lacks %s, and has no default", reader.name, strings.Join(missingSymbols(reader, writer), ", "))
	case ReaderFieldMissingDefaultValue:
		if p.field.mistake != nil {
			return fmt.Sprintf("the reader's field %s of %s is not in the writer's schema, and its default is not valid: %s", p.field.name, reader.name, p.field.mistake.Reason)
		}
		return fmt.Sprintf("the reader's field %s of %s is not in the writer's schema and has no default", p.field.name, reader.name)
	case MissingUnionBranch:
		names := make([]string, len(reader.branches))
		for i, branch := range reader.branches {
			names[i] = branch.describe()
		}
		return fmt.Sprintf("the reader's union of %s has no branch for the writer's %s", strings.Join(names, ", "), writer.describe())
	case DecimalMismatch:
		return fmt.Sprintf("the reader's decimal(%d,%d) is the writer's decimal(%d,%d)", reader.precision, reader.scale, writer.precision, writer.scale)
	default:
		return fmt.Sprintf("the reader's %s would take the writer's %s for something else", reader.logical, writer.logical)
	}
}

// readersHint is for a new reader of old data.
func (p problem) readersHint() string {
	switch p.kind {
	case TypeMismatch:
		if p.writer.kind == kindNull {
			return `old data may hold null: keep "null" in the union`
		}
		return fmt.Sprintf("keep the type %s, or leave the field as it is and add one of the new type beside it", p.writer.notation())
	case NameMismatch:
		return fmt.Sprintf(`add "aliases": ["%s"] to %s`, p.writer.name, p.reader.name)
	case MissingEnumSymbols:
		return fmt.Sprintf(`keep %s among the symbols, or give the enum a "default", which will stand for what is gone`,
			strings.Join(missingSymbols(p.reader, p.writer), ", "))
	case ReaderFieldMissingDefaultValue:
		hint := `give it a "default"; null for a type of ["null", ...] says that old events have none`
		if old := p.renamed(); old != "" {
			hint += fmt.Sprintf(`; if it is the old field %s under a new name, add "aliases": ["%s"]`, old, old)
		}
		return hint
	case MissingUnionBranch:
		return fmt.Sprintf("keep %s in the union: old data may hold it", p.writer.notation())
	default:
		return p.fixedHint()
	}
}

// writersHint is for a new writer whose data old readers meet.
func (p problem) writersHint() string {
	switch p.kind {
	case TypeMismatch:
		if p.writer.kind == kindNull {
			return "old readers take no null: leave the field as it is and add an optional one beside it"
		}
		return fmt.Sprintf("keep the type %s, which old readers take, or leave the field as it is and add one of the new type beside it", p.reader.notation())
	case NameMismatch:
		return fmt.Sprintf("keep the name %s: old readers have no alias for another", p.reader.name)
	case MissingEnumSymbols:
		return fmt.Sprintf(`old readers stop at %s: give the enum a "default" first, and use new symbols when every reader has it`,
			strings.Join(missingSymbols(p.reader, p.writer), ", "))
	case ReaderFieldMissingDefaultValue:
		return fmt.Sprintf(`keep field %s; to remove or rename it, give it a "default" first, and go on when every reader has that version`, p.field.name)
	case MissingUnionBranch:
		return fmt.Sprintf("old readers know no %s here: add a field for it beside this one", p.writer.notation())
	default:
		return p.fixedHint()
	}
}

// fixedHint is about what can never change, whoever reads.
func (p problem) fixedHint() string {
	switch p.kind {
	case FixedSizeMismatch:
		return "the size of a fixed type never changes: define a type of another name, and a new field for it"
	case DecimalMismatch:
		return "precision and scale never change: add a new field with the new decimal"
	default:
		return "the unit never changes: add a new field with the new logical type"
	}
}

// Hints are for people: records of more fields get none, and fields whose types take more work to compare are not proposed.
const (
	maxHinted   = 256
	maxHintWork = 1 << 10
)

// renamed is the only field of the writer that has no use and that the reader's new field can read, "" when there is none or several.
func (p problem) renamed() string {
	if len(p.reader.fields)+len(p.writer.fields) > maxHinted {
		return ""
	}
	used := pairFields(p.reader, p.writer)
	name := ""
	for w := range p.writer.fields {
		f := &p.writer.fields[w]
		if slices.Contains(used, w) || !compareWithin(p.field.typ, f.typ, maxHintWork).ok(p.field.typ, f.typ) {
			continue
		}
		if name != "" {
			return ""
		}
		name = f.name
	}
	return name
}
