package filter

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"github.com/headrace/headrace/internal/schemacache"
	"github.com/headrace/headrace/reader"
)

// maxWhereCost bounds what one event may cost an expression, in the units of CEL's own cost model: about one for each operation and
// for each ten characters compared.
const maxWhereCost = 1_000_000

// where is a compiled expression.
type where struct {
	ast     *cel.Ast
	program cel.Program
	used    map[string]bool // the variables in it
}

// whereVariables are what an expression can ask about. Keys and headers are strings, or bytes where they are not UTF-8.
func whereVariables() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Variable("event", cel.DynType),   // the decoded value: a map of its fields; null for a tombstone
		cel.Variable("name", cel.StringType), // full name of the event's schema
		cel.Variable("key", cel.DynType),
		cel.Variable("headers", cel.MapType(cel.StringType, cel.DynType)), // the last of a name
		cel.Variable("time", cel.TimestampType),
		cel.Variable("topic", cel.StringType),
		cel.Variable("partition", cel.IntType),
		cel.Variable("offset", cel.IntType),
		cel.CrossTypeNumericComparisons(true), // an int field compares with 1.5
		cel.ParserExpressionSizeLimit(maxWhereBytes),
	}
}

func parseWhere(text string) (*where, error) {
	env, err := cel.NewEnv(whereVariables()...)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		var errs []error
		for _, e := range issues.Errors() {
			errs = append(errs, &Error{Part: "where", Line: e.Location.Line(), Column: e.Location.Column() + 1, Text: e.Message})
		}
		return nil, errors.Join(errs...)
	}
	if kind := ast.OutputType(); !kind.IsExactType(cel.BoolType) && !kind.IsExactType(cel.DynType) {
		return nil, &Error{Part: "where", Line: 1, Column: 1, Text: fmt.Sprintf("it is %s, not true or false: compare it with something", kind)}
	}
	program, err := env.Program(ast, cel.CostLimit(maxWhereCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, &Error{Part: "where", Text: err.Error()}
	}
	w := &where{ast: ast, program: program, used: map[string]bool{}}
	for _, reference := range ast.NativeRep().ReferenceMap() {
		w.used[reference.Name] = true
	}
	return w, nil
}

func (w *where) uses(variable string) bool { return w.used[variable] }

// eval answers for one event; by is nil for a tombstone and for a value that is not in the registry's wire format.
func (w *where) eval(r *reader.Record, by *schemacache.Writer, body []byte) (bool, error) {
	vars := map[string]any{
		"event": nil, "name": "", "time": r.Time, "topic": r.Topic, "partition": int64(r.Partition), "offset": r.Offset,
	}
	if w.uses("key") {
		vars["key"] = textOrBytes(r.Key)
	}
	if w.uses("headers") {
		headers := make(map[string]any, len(r.Headers))
		for _, h := range r.Headers {
			headers[h.Key] = textOrBytes(h.Value)
		}
		vars["headers"] = headers
	}
	if by != nil {
		vars["name"] = by.Schema.FullName()
		if w.uses("event") {
			event, err := by.Decode(body)
			if err != nil {
				return false, err
			}
			vars["event"] = event
		}
	}
	value, _, err := w.program.Eval(vars)
	if err != nil {
		if by == nil && w.uses("event") {
			return false, nil // there is no event to ask
		}
		return false, w.located(err)
	}
	passes, ok := value.Value().(bool)
	if !ok {
		return false, &Error{Part: "where", Line: 1, Column: 1, Text: fmt.Sprintf("it is %s here, not true or false", value.Type().TypeName())}
	}
	return passes, nil
}

// located finds the place in the expression that an error of its evaluation is about.
func (w *where) located(err error) error {
	found := &Error{Part: "where", Text: err.Error()}
	if failed, ok := errors.AsType[*types.Err](err); ok {
		if at := w.ast.NativeRep().SourceInfo().GetStartLocation(failed.NodeID()); at.Line() > 0 {
			found.Line, found.Column = at.Line(), at.Column()+1
		}
	}
	if found.Text == "" {
		found.Text = "it has no answer"
	}
	return found
}

func textOrBytes(b []byte) any {
	switch {
	case b == nil:
		return nil
	case utf8.Valid(b):
		return string(b)
	}
	return b
}
