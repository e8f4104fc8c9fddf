package envoy

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// Log passes Envoy's own log on, line by line, and keeps its end for error messages.
type Log struct {
	mu         sync.Mutex
	out        io.Writer
	partial    []byte
	tail       []string
	wasmErrors []string
}

const (
	tailLines = 30
	// maxLine bounds what is kept of a line without an end.
	maxLine = 64 << 10
	// maxWasmErrors bounds what is kept between two calls of WasmErrors.
	maxWasmErrors = 20
)

// NewLog passes lines on to out; nil keeps them only.
func NewLog(out io.Writer) *Log { return &Log{out: out} }

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		end := bytes.IndexByte(l.partial, '\n')
		if end < 0 {
			if len(l.partial) > maxLine {
				l.line(string(l.partial))
				l.partial = nil
			}
			return len(p), nil
		}
		l.line(string(l.partial[:end]))
		l.partial = l.partial[end+1:]
	}
}

// Flush passes on a last line that has no end.
func (l *Log) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.line(string(l.partial))
		l.partial = nil
	}
}

func (l *Log) line(text string) {
	if l.out != nil {
		_, _ = io.WriteString(l.out, text+"\n")
	}
	l.tail = append(l.tail, text)
	if len(l.tail) > tailLines {
		l.tail = l.tail[1:]
	}
	if isWasmError(text) && len(l.wasmErrors) < maxWasmErrors {
		l.wasmErrors = append(l.wasmErrors, text)
	}
}

// Tail is the last lines.
func (l *Log) Tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.tail, "\n")
}

// WasmErrors gives, and forgets, what Envoy and its modules logged about Wasm as errors.
func (l *Log) WasmErrors() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.wasmErrors
	l.wasmErrors = nil
	return lines
}

// isWasmError knows the log format of Istio's bootstrap: time, level, "envoy" and the logger's name, by tabs.
func isWasmError(line string) bool {
	return strings.Contains(line, "\terror\tenvoy wasm ") || strings.Contains(line, "\tcritical\tenvoy wasm ")
}

// IsLoadFailure tells a plugin that could not start from one that failed on a request.
func IsLoadFailure(line string) bool { return strings.Contains(line, "failed to load") }
