// Package machine is what the run takes from the machine that it is on: addresses and local builds of modules.
package machine

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Listen gives each server port of a Gateway an address, the same one every time that it is asked.
type Listen struct {
	mu     sync.Mutex
	first  netip.AddrPort // for the first port that is asked for and not named
	taken  bool
	named  map[uint32]netip.AddrPort
	given  map[uint32]netip.AddrPort
	claims []int
}

// ParseListen reads "ADDRESS:PORT" or, to name the Gateway's ports, "80=ADDRESS:PORT 443=ADDRESS:PORT". Port 0 asks
// for a free one.
func ParseListen(text string) (*Listen, error) {
	l := &Listen{named: map[uint32]netip.AddrPort{}, given: map[uint32]netip.AddrPort{}, taken: true}
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
	if len(fields) == 0 {
		return nil, fmt.Errorf("wants ADDRESS:PORT")
	}
	for _, field := range fields {
		port, address, named := strings.Cut(field, "=")
		if !named {
			address = field
		}
		parsed, err := ParseAddress(address)
		if err != nil {
			return nil, err
		}
		if !named {
			if !l.taken {
				return nil, fmt.Errorf("%q: say which port of the Gateway it is for, as 443=%s", field, address)
			}
			l.first, l.taken = parsed, false
			continue
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return nil, fmt.Errorf("%q: %s is no port of a Gateway", field, port)
		}
		l.named[uint32(number)] = parsed
	}
	return l, nil
}

// ParseAddress reads ADDRESS:PORT, where localhost is 127.0.0.1.
func ParseAddress(text string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q: wants ADDRESS:PORT", text)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	address, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q: wants an IP address and a port", text)
	}
	return address, nil
}

// For gives the address for a port: the one named for it, else the unnamed one for the first port, else a free port
// beside it.
func (l *Listen) For(port uint32) (netip.AddrPort, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if address, ok := l.given[port]; ok {
		return address, nil
	}
	address, ok := l.named[port]
	if !ok && !l.taken {
		address, l.taken = l.first, true
	} else if !ok {
		address = netip.AddrPortFrom(l.host(), 0)
	}
	claimed, err := l.claim(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	l.given[port] = claimed
	return claimed, nil
}

func (l *Listen) host() netip.Addr {
	if l.first.IsValid() {
		return l.first.Addr()
	}
	return netip.MustParseAddr("127.0.0.1")
}

// claim makes sure that nobody listens there, and holds a free port until Release. Envoy binds with SO_REUSEPORT, so
// without the first look two gateways would share an address in silence; and a socket that is bound the same way,
// but never listens, keeps the kernel from giving the port to somebody else without taking Envoy's connections.
func (l *Listen) claim(address netip.AddrPort) (netip.AddrPort, error) {
	if address.Port() != 0 {
		return address, CheckFree(address)
	}
	socket, bound, err := bindShared(address.Addr())
	if err != nil {
		return address, err
	}
	l.claims = append(l.claims, socket)
	return bound, nil
}

// CheckFree says whether somebody listens on an address; port 0 is always free.
func CheckFree(address netip.AddrPort) error {
	listener, err := net.Listen("tcp", address.String())
	if err != nil {
		return err
	}
	return listener.Close()
}

func bindShared(host netip.Addr) (int, netip.AddrPort, error) {
	family, wanted := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Addr: host.As16()})
	if host.Is4() {
		family, wanted = unix.AF_INET, &unix.SockaddrInet4{Addr: host.As4()}
	}
	socket, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	port, err := bind(socket, wanted)
	if err != nil {
		_ = unix.Close(socket)
		return 0, netip.AddrPort{}, err
	}
	return socket, netip.AddrPortFrom(host, port), nil
}

func bind(socket int, wanted unix.Sockaddr) (uint16, error) {
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return 0, err
	}
	if err := unix.Bind(socket, wanted); err != nil {
		return 0, err
	}
	bound, err := unix.Getsockname(socket)
	if err != nil {
		return 0, err
	}
	switch at := bound.(type) {
	case *unix.SockaddrInet4:
		return uint16(at.Port), nil // #nosec G115 -- the kernel's port
	case *unix.SockaddrInet6:
		return uint16(at.Port), nil // #nosec G115 -- the kernel's port
	}
	return 0, fmt.Errorf("bound to no IP address")
}

// Release gives claimed ports back.
func (l *Listen) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, socket := range l.claims {
		_ = unix.Close(socket)
	}
	l.claims = nil
}
