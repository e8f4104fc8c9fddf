// Package envoy starts one Envoy, watches what it says, and tells when it serves.
package envoy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"syscall"
	"time"
)

// Options say how to start Envoy.
type Options struct {
	Binary      string
	Dir         string // the working directory: the bootstrap's relative socket paths start here
	Bootstrap   string
	Environment map[string]string
	Concurrency int
	LogLevel    string
	ExtraArgs   []string
	AccessLog   *os.File // gets Envoy's stdout, where the resources' access logs go
	Log         io.Writer
}

// Process is a running Envoy.
type Process struct {
	AdminAddressFile string

	command *exec.Cmd
	log     *Log
	exited  chan struct{}
	err     error
}

// stopGrace is how long Envoy may take to end by itself. It has no reason to take long: on SIGTERM it closes.
const stopGrace = 5 * time.Second

// Start runs Envoy. Its environment holds what the options give and the few variables a process needs to run.
func Start(options Options) (*Process, error) {
	process := &Process{
		AdminAddressFile: filepath.Join(options.Dir, "admin-address"),
		log:              NewLog(options.Log),
		exited:           make(chan struct{}),
	}
	process.command = exec.Command(options.Binary, arguments(options, process.AdminAddressFile)...) // #nosec G204 -- the binary is the person's choice
	process.command.Dir = options.Dir
	process.command.Env = environment(options.Environment)
	process.command.Stdout = options.AccessLog
	process.command.Stderr = process.log
	started := make(chan error)
	go process.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("envoy: %w", err)
	}
	return process, nil
}

// run starts and waits on one operating system thread: Linux sends the death signal when that thread ends, not when
// the process does, so the thread is kept for as long as Envoy lives.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	p.command.SysProcAttr = processAttributes()
	err := p.command.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.command.Wait()
	p.log.Flush()
	close(p.exited)
}

func arguments(options Options, adminAddress string) []string {
	return append([]string{
		"--config-path", options.Bootstrap,
		"--admin-address-path", adminAddress,
		"--concurrency", strconv.Itoa(options.Concurrency),
		"--log-level", options.LogLevel,
		"--disable-hot-restart",
		// As Istio's agent starts it.
		"--drain-strategy", "immediate",
		"--local-address-ip-version", "v4",
		// Access logs are read by tests and by people who wait for a line.
		"--file-flush-interval-msec", "100",
	}, options.ExtraArgs...)
}

func environment(given map[string]string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	if dir := os.Getenv("TMPDIR"); dir != "" {
		env = append(env, "TMPDIR="+dir)
	}
	for name, value := range given {
		env = append(env, name+"="+value)
	}
	sort.Strings(env)
	return env
}

// Exited is closed when Envoy has ended, by itself or by Stop.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitError tells how Envoy ended, with the last lines of its log.
func (p *Process) ExitError() error {
	<-p.exited
	how := "ended"
	var exit *exec.ExitError
	if errors.As(p.err, &exit) {
		how = exit.String()
	}
	return fmt.Errorf("envoy %s; its last lines:\n%s", how, p.log.Tail())
}

// Tail is the end of Envoy's log.
func (p *Process) Tail() string { return p.log.Tail() }

// PID is Envoy's process id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Stop ends Envoy, gently first.
func (p *Process) Stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopGrace):
		_ = p.command.Process.Kill()
		<-p.exited
	}
}

// WasmErrors gives, and forgets, what Envoy and its modules logged about Wasm as errors.
func (p *Process) WasmErrors() []string { return p.log.WasmErrors() }
