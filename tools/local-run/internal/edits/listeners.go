package edits

import (
	"errors"
	"fmt"

	networking "istio.io/api/networking/v1alpha3"

	"ai-gateway/tools/local-run/internal/resources"
)

// bindServers gives each server port an address of this machine: `bind` takes the host. The port itself stays, as
// VirtualServices and route names are written for it; the Service's targetPort carries the local one.
func bindServers(_ *resources.Set, edited *Edited, local Local) error {
	var errs []error
	bound := map[uint32]Listener{}
	for _, gateway := range edited.Pod.Gateways {
		for _, server := range gateway.Servers {
			listener, err := listen(bound, server, local)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if _, again := bound[listener.Port]; !again {
				bound[listener.Port] = listener
				edited.Listeners = append(edited.Listeners, listener)
			}
			server.Bind = listener.Address.Addr().String()
		}
	}
	if len(edited.Listeners) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("the Gateway has no server, so there is nothing to listen for"))
	}
	return errors.Join(errs...)
}

func listen(bound map[uint32]Listener, server *networking.Server, local Local) (Listener, error) {
	port := server.GetPort().GetNumber()
	if listener, ok := bound[port]; ok {
		return listener, nil
	}
	address, err := local.Listen(port)
	if err != nil {
		return Listener{}, fmt.Errorf("Gateway port %d: %w", port, err)
	}
	return Listener{Port: port, Address: address}, nil
}
