//go:build !linux

package envoy

import "syscall"

// processAttributes keeps Envoy out of the terminal's Ctrl-C. Only Linux can tie its life to the runner's.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
