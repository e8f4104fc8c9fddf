package edits

import (
	"fmt"
	"strings"
)

// ParseEnvFile reads KEY=value lines. A value runs to the end of its line and is taken as it stands, without quotes
// or escapes, so that it can be JSON. Empty lines and lines that start with # are left out. Errors name the line
// and never its text, which may be a credential.
func ParseEnvFile(text string) (map[string]string, error) {
	env := map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if trimmed := strings.TrimSpace(line); trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); !found || !isVariable(key) {
			return nil, fmt.Errorf("line %d: wants KEY=value", i+1)
		}
		if strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("line %d: holds a NUL", i+1)
		}
		if _, twice := env[key]; twice {
			return nil, fmt.Errorf("line %d: %s is given twice", i+1, key)
		}
		env[key] = value
	}
	return env, nil
}

func isVariable(name string) bool {
	for i, r := range name {
		letter := r == '_' || (r >= 'A' && r <= 'Z') || (r >= 'a' && r <= 'z')
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
