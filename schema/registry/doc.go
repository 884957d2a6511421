// Package registry is the client of a schema registry: schemas by the ids that values carry, ids of the schemas that producers write
// with, versions of subjects, and plans of what is to be registered.
//
// A service makes one [Client], with [FromEnv] or [New], and gives it to its producers and workers. With [WithSnapshot] it starts, and
// goes on, while the registry is down.
//
// What a registry answers is treated as hostile: sizes and counts are checked before memory is taken for them.
package registry
