package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// signatures runs signatures.sh with the cosign that COSIGN names.
func signatures(t *testing.T, cosign, digests, action, key string) (string, error) {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "image")
	if out, err := exec.Command("go", "build", "-o", tool, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	command := exec.Command("./signatures.sh", action, key)
	command.Env = append(os.Environ(), "COSIGN="+cosign, "IMAGE="+tool, "DIGESTS="+digests, "COSIGN_PASSWORD=")
	out, err := command.CombinedOutput()
	return string(out), err
}

func TestSignedImagesVerifyAndOthersDoNot(t *testing.T) {
	cosign := os.Getenv("COSIGN")
	if cosign == "" {
		t.Skip("COSIGN isn't set; `make test-sign` builds cosign and sets it")
	}
	host, out, keys := newRegistry(t, nil), t.TempDir(), t.TempDir()
	for _, pair := range []string{"ours", "theirs"} {
		generate := exec.Command(cosign, "generate-key-pair", "--output-key-prefix", filepath.Join(keys, pair))
		generate.Env = append(os.Environ(), "COSIGN_PASSWORD=")
		if said, err := generate.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
	}
	mustRun(t, "build", "-modules", modulesFolder(t), "-out", out, "-push", host+"/ai-gateway:1.2.0")
	digests := filepath.Join(out, "digests.json")

	if said, err := signatures(t, cosign, digests, "verify", filepath.Join(keys, "ours.pub")); err == nil {
		t.Fatalf("unsigned images verified:\n%s", said)
	}
	if said, err := signatures(t, cosign, digests, "sign", filepath.Join(keys, "ours.key")); err != nil {
		t.Fatalf("sign: %v\n%s", err, said)
	}
	if said, err := signatures(t, cosign, digests, "verify", filepath.Join(keys, "ours.pub")); err != nil || strings.Count(said, "verify: ") != 5 {
		t.Errorf("verify: %v\n%s", err, said)
	}
	if said, err := signatures(t, cosign, digests, "verify", filepath.Join(keys, "theirs.pub")); err == nil {
		t.Errorf("another key verified:\n%s", said)
	}

	// The signature belongs to the digest: the same module with another label isn't signed.
	mustRun(t, "build", "-modules", modulesFolder(t), "-out", out, "-version", "9", "-push", host+"/ai-gateway:1.2.0")
	if said, err := signatures(t, cosign, digests, "verify", filepath.Join(keys, "ours.pub")); err == nil {
		t.Errorf("another build verified:\n%s", said)
	}
}

func TestReferencesAreWhatWasPushed(t *testing.T) {
	host, out := newRegistry(t, nil), t.TempDir()
	modules := modulesFolder(t)
	mustRun(t, "build", "-modules", modules, "-out", out)
	var printed bytes.Buffer
	if err := run(t.Context(), []string{"references", "-digests", filepath.Join(out, "digests.json")}, &printed); err == nil {
		t.Errorf("what wasn't pushed has references:\n%s", printed.String())
	}
	mustRun(t, "build", "-modules", modules, "-out", out, "-push", host+"/ai-gateway:1.2.0")
	lines := strings.Split(strings.TrimSpace(mustRun(t, "references", "-digests", filepath.Join(out, "digests.json"))), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[0], host+"/ai-gateway/auth@sha256:") {
		t.Errorf("got %q", lines)
	}
}
