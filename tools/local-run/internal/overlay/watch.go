package overlay

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Inputs are the paths that a result depends on, each with its stamp from just before it was read: files,
// directories, and names that don't exist yet. A change after the reading began is a change.
type Inputs map[string]string

// Read notes a path that is about to be read.
func (in Inputs) Read(path string) { in[path] = stamp(path) }

// ReadTree notes a directory and everything below it, so that a new file is a change too.
func (in Inputs) ReadTree(dir string) {
	_ = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			path += listing
		}
		in.Read(path)
		return nil
	})
}

// Add takes over what another reading noted.
func (in Inputs) Add(other Inputs) { maps.Copy(in, other) }

// AddUnread keeps an eye on paths of an earlier reading that this one did not reach, as they are now.
func (in Inputs) AddUnread(earlier Inputs) {
	for path := range earlier {
		if _, ok := in[path]; !ok {
			in.Read(path)
		}
	}
}

// listing at the end of a path means the names in a directory.
const listing = string(filepath.Separator) + "*"

func stamp(path string) string {
	if dir, ok := strings.CutSuffix(path, listing); ok {
		return names(dir)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "absent"
	case info.IsDir():
		// A directory's own time moves with editors' temporary files, which are no input.
		return "directory"
	}
	return fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())
}

func names(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "absent"
	}
	var all strings.Builder
	for _, entry := range entries {
		all.WriteString(entry.Name() + "/")
	}
	return all.String()
}

// PollInterval is short enough that a save and its effect feel like one step, and costs some 100 stat calls.
const PollInterval = 200 * time.Millisecond

// Changed waits until an input differs from what was read, and all have held still for one interval, so that a file
// is not read while an editor or a compiler still writes it.
func (in Inputs) Changed(ctx context.Context) error {
	ticker := time.NewTicker(PollInterval)
	defer ticker.Stop()
	previous := in
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		now := Inputs{}
		for path := range in {
			now.Read(path)
		}
		if !maps.Equal(now, in) && maps.Equal(now, previous) {
			return nil
		}
		previous = now
	}
}
