// Package project reads headrace.yaml, the file that says what a pipeline needs: clusters, topics, groups, accounts and schemas.
//
// The file is read strictly. An unknown field, a wrong unit, a duplicate name or a secret is an [*Error] with file, line and
// column, and every mistake of a file is reported at once. What a part of the file may look like is written down once, as a
// shape; the reader checks it and [JSONSchema] tells it to editors.
//
// Functions are safe for concurrent use. Values are plain data.
package project
