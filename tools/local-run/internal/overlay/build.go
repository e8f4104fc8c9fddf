// Package overlay builds a kustomize directory with kustomize's own code and remembers which files the result came
// from, so that a change of any of them can be noticed.
package overlay

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Build runs kustomize as `kubectl kustomize DIR` does: default load restrictions, no plugins, no Helm.
//
// The inputs are returned for a failed build too: a mistake is mended by changing one of them.
func Build(dir string) (resmap.ResMap, Inputs, error) {
	return build(dir, "")
}

// BuildWithOrigins notes on each resource the files that it came from and that changed it, in kustomize's own
// annotations, as `buildMetadata` of the overlay's kustomization would.
func BuildWithOrigins(dir string) (resmap.ResMap, Inputs, error) {
	top, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	return build(dir, top)
}

func build(dir, notesFor string) (resmap.ResMap, Inputs, error) {
	files := &recordingFS{FileSystem: filesys.MakeFsOnDisk(), notesFor: notesFor, read: Inputs{}}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, dir)
	if err != nil {
		return nil, files.inputs(), fmt.Errorf("kustomize %s: %w", dir, err)
	}
	return resources, files.inputs(), nil
}

// recordingFS notes each path that kustomize opens or looks for.
type recordingFS struct {
	filesys.FileSystem
	// notesFor is the directory whose kustomization is read as if it asked for origins; empty is none.
	notesFor string
	mu       sync.Mutex
	read     Inputs
}

func (f *recordingFS) ReadFile(path string) ([]byte, error) {
	f.note(path)
	text, err := f.FileSystem.ReadFile(path)
	if err == nil && f.notesFor != "" && filepath.Dir(path) == f.notesFor && isKustomization(path) {
		text = append(text, "\nbuildMetadata: [originAnnotations, transformerAnnotations]\n"...)
	}
	return text, err
}

func isKustomization(path string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), filepath.Base(path))
}

func (f *recordingFS) Open(path string) (filesys.File, error) {
	f.note(path)
	return f.FileSystem.Open(path)
}

func (f *recordingFS) CleanedAbs(path string) (filesys.ConfirmedDir, string, error) {
	f.note(path)
	return f.FileSystem.CleanedAbs(path)
}

// note keeps the first stamp of a path: kustomize reads some files twice.
func (f *recordingFS) note(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.read[path]; !ok {
		f.read.Read(path)
	}
}

func (f *recordingFS) inputs() Inputs {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read
}
