package registry

import (
	"strings"

	"github.com/headrace/headrace/schema"
)

// transitive reports whether a level compares with all versions and not with the newest alone.
func transitive(l schema.Level) bool { return strings.HasSuffix(string(l), "_TRANSITIVE") }

// backward reports whether a level asks that the new schema reads old data.
func backward(l schema.Level) bool { return one(l, "BACKWARD") || one(l, "FULL") }

// forward reports whether a level asks that old schemas read new data.
func forward(l schema.Level) bool { return one(l, "FORWARD") || one(l, "FULL") }

func one(l schema.Level, direction string) bool { return strings.HasPrefix(string(l), direction) }
