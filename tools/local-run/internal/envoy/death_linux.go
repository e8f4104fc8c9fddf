package envoy

import "syscall"

// processAttributes ties Envoy's life to the runner's, and keeps it out of the terminal's Ctrl-C: the runner
// decides when Envoy ends.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
