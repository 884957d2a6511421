//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// separate keeps Ctrl-C from the servers: the terminal sends it to the whole process group, and the workers need the servers to
// commit what they handled.
func separate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
