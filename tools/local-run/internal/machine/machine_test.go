package machine_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ai-gateway/tools/local-run/internal/machine"
)

func listen(t *testing.T, text string) *machine.Listen {
	t.Helper()
	l, err := machine.ParseListen(text)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Release)
	return l
}

func address(t *testing.T, l *machine.Listen, port uint32) string {
	t.Helper()
	a, err := l.For(port)
	if err != nil {
		t.Fatal(err)
	}
	return a.String()
}

func TestAPortKeepsItsAddress(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	if first := address(t, l, 80); first != address(t, l, 80) || strings.HasSuffix(first, ":0") {
		t.Errorf("address: %s", first)
	}
}

func TestOtherPortsGetFreeOnesBesideTheFirst(t *testing.T) {
	l := listen(t, "localhost:0")
	http, https := address(t, l, 80), address(t, l, 443)
	if http == https || !strings.HasPrefix(https, "127.0.0.1:") {
		t.Errorf("addresses: %s, %s", http, https)
	}
}

func TestAPortCanBeNamed(t *testing.T) {
	l := listen(t, "127.0.0.1:0,443=127.0.0.2:0")
	if https := address(t, l, 443); !strings.HasPrefix(https, "127.0.0.2:") {
		t.Errorf("address: %s", https)
	}
}

func TestAnAddressThatIsInUseIsRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := listen(t, taken.Addr().String()).For(80); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error: %v", err)
	}
}

func TestAHeldPortIsNotGivenToSomebodyElse(t *testing.T) {
	held := address(t, listen(t, "127.0.0.1:0"), 80)
	if other, err := net.Listen("tcp", held); err == nil {
		other.Close()
		t.Errorf("%s could be taken", held)
	}
}

func TestAddressesThatCannotBeReadAreRefused(t *testing.T) {
	for _, text := range []string{"", "8080", "example.com:80", "127.0.0.1:80 127.0.0.1:81", "http=127.0.0.1:80", "0=127.0.0.1:80"} {
		if _, err := machine.ParseListen(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// module is a Wasm binary of one custom section.
func module(content string) string {
	return "\x00asm\x01\x00\x00\x00\x00" + string(rune(len(content)+1)) + "\x00" + content
}

func modules(t *testing.T) (*machine.Modules, string) {
	from := t.TempDir()
	m := &machine.Modules{From: from, To: t.TempDir()}
	m.Begin()
	return m, filepath.Join(from, "auth.wasm")
}

func build(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAModulesFileIsNamedByItsContent(t *testing.T) {
	m, source := modules(t)
	build(t, source, module("one"))
	one, err := m.File("auth")
	if err != nil {
		t.Fatal(err)
	}
	m.Begin()
	build(t, source, module("two"))
	two, err := m.File("auth")
	if err != nil || one == two {
		t.Errorf("%s, then %s, %v", one, two, err)
	}
	m.Prune()
	if _, err := os.Stat(one); err == nil {
		t.Error("the former module is kept")
	}
	if _, err := os.Stat(two); err != nil {
		t.Error(err)
	}
}

func TestAModuleThatIsStillBeingWrittenIsRefused(t *testing.T) {
	m, source := modules(t)
	whole := module("a section")
	for end := range len(whole) {
		build(t, source, whole[:end])
		if _, err := m.File("auth"); err == nil {
			t.Errorf("%d of %d bytes were taken", end, len(whole))
		}
	}
}

func TestAModuleThatIsMissingIsNamedAndWatched(t *testing.T) {
	m, source := modules(t)
	if _, err := m.File("auth"); err == nil || !strings.Contains(err.Error(), source) {
		t.Errorf("error: %v", err)
	}
	if _, watched := m.Sources()[source]; !watched {
		t.Error("its file is not watched")
	}
}
