package machine

import (
	"bytes"
	"encoding/binary"
	"errors"
)

var errNoModule = errors.New("is no complete Wasm module")

// checkModule walks the sections of a Wasm binary (WebAssembly core specification, 5.5): a file that a compiler is
// still writing ends within one.
func checkModule(content []byte) error {
	rest, ok := bytes.CutPrefix(content, []byte("\x00asm\x01\x00\x00\x00"))
	if !ok || len(rest) == 0 {
		return errNoModule
	}
	for len(rest) > 0 {
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return errNoModule
		}
		rest = rest[1+n+int(size):] // #nosec G115 -- size is at most len(rest)
	}
	return nil
}
