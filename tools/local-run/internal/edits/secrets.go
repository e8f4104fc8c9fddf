package edits

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	networking "istio.io/api/networking/v1alpha3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"ai-gateway/tools/local-run/internal/resources"
)

// maxSecretBytes is the API server's own bound on a Secret.
const maxSecretBytes = 1 << 20

// addSecrets makes a Secret in the gateway's namespace of each folder, with a key for each file in it. A Secret of
// the same name in the overlay gives way. Afterwards each credentialName must be there: a listener that waits for
// its certificate keeps every other listener from starting.
func addSecrets(set *resources.Set, edited *Edited, local Local) error {
	if local.SecretsDir != "" {
		if err := readSecrets(set, edited, local.SecretsDir); err != nil {
			return fmt.Errorf("-secrets: %w", err)
		}
	}
	return credentialsArePresent(set, edited.Pod)
}

func readSecrets(set *resources.Set, edited *Edited, dir string) error {
	folders, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		path := filepath.Join(dir, folder.Name())
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			edited.notUsed("%s: no folder, so no Secret", path)
			continue
		}
		data, err := readSecret(path)
		if err != nil {
			return err
		}
		replaceSecret(set, edited.Pod.Namespace, folder.Name(), data)
	}
	return nil
}

func readSecret(dir string) (map[string][]byte, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	total := int64(0)
	for _, file := range files {
		path := filepath.Join(dir, file.Name())
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			continue
		}
		if total += info.Size(); total > maxSecretBytes {
			return nil, fmt.Errorf("%s: more than %d bytes", dir, maxSecretBytes)
		}
		if data[file.Name()], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func replaceSecret(set *resources.Set, namespace, name string, data map[string][]byte) {
	kind := corev1.SecretTypeOpaque
	if data[corev1.TLSCertKey] != nil && data[corev1.TLSPrivateKeyKey] != nil {
		kind = corev1.SecretTypeTLS
	}
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Type:       kind,
		Data:       data,
	}
	for i, object := range set.Kubernetes {
		if old, ok := object.(*corev1.Secret); ok && old.Namespace == namespace && old.Name == name {
			set.Kubernetes[i] = secret
			return
		}
	}
	set.Kubernetes = append(set.Kubernetes, secret)
}

func credentialsArePresent(set *resources.Set, pod Pod) error {
	have := map[string]bool{}
	for _, object := range set.Kubernetes {
		if secret, ok := object.(*corev1.Secret); ok && secret.Namespace == pod.Namespace {
			have[secret.Name] = true
		}
	}
	var errs []error
	for _, gateway := range pod.Gateways {
		for _, server := range gateway.Servers {
			names := server.GetTls().GetCredentialNames()
			if name := server.GetTls().GetCredentialName(); name != "" {
				names = append(names, name)
			}
			for _, name := range names {
				if !have[name] {
					errs = append(errs, fmt.Errorf("Gateway port %d: credentialName %s: neither the resources nor -secrets have Secret %s/%s",
						server.GetPort().GetNumber(), name, pod.Namespace, name))
				}
			}
			if path := server.GetTls().GetServerCertificate(); path != "" {
				errs = append(errs, fmt.Errorf("Gateway port %d: serverCertificate %s is a file of the gateway's pod; use credentialName",
					server.GetPort().GetNumber(), path))
			}
		}
	}
	for _, c := range set.Istio {
		if rule, ok := c.Spec.(*networking.DestinationRule); ok {
			for _, tls := range tlsOf(rule) {
				if name := (*tls).GetCredentialName(); name != "" && !have[name] {
					errs = append(errs, fmt.Errorf("%s: credentialName %s: neither the resources nor -secrets have Secret %s/%s", id(c), name, pod.Namespace, name))
				}
			}
		}
	}
	return errors.Join(errs...)
}
